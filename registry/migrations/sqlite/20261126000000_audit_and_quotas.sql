CREATE TABLE `tenancy_audit` (`id` text NOT NULL, `recorded_at` datetime NOT NULL, `tenant_id` text NOT NULL DEFAULT (''), `principal` text NOT NULL DEFAULT (''), `action` text NOT NULL, `resource` text NOT NULL, `resource_id` text NOT NULL DEFAULT (''), `client_addr` text NOT NULL DEFAULT (''), `user_agent` text NOT NULL DEFAULT (''), `reason` text NOT NULL DEFAULT (''), `metadata` text NOT NULL, PRIMARY KEY (`id`));

CREATE INDEX `tenancy_audit_tenant_id_recorded_at_id` ON `tenancy_audit` (`tenant_id`, `recorded_at`, `id`);

CREATE INDEX `tenancy_audit_recorded_at_id` ON `tenancy_audit` (`recorded_at`, `id`);

CREATE TABLE `tenancy_quotas` (`tenant_id` text NOT NULL, `quota` text NOT NULL, `period` text NOT NULL, `used` integer NOT NULL, PRIMARY KEY (`tenant_id`, `quota`, `period`));
