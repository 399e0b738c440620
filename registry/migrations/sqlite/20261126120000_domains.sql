CREATE TABLE `tenancy_domains` (`domain` text NOT NULL, `tenant_id` text NOT NULL, `created_at` datetime NOT NULL, PRIMARY KEY (`domain`));

CREATE INDEX `tenancy_domains_tenant_id` ON `tenancy_domains` (`tenant_id`);
