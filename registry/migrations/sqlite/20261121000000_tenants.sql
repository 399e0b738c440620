-- The registry's table as its first release made it. Where that has been, nothing happens.
CREATE TABLE IF NOT EXISTS `tenancy_tenants` (`id` text NOT NULL, `identifier` text NOT NULL, `name` text NOT NULL, `status` text NOT NULL DEFAULT ('provisioning'), `isolation` text NULL, `schema_name` text NULL, `database_url` text NULL, `metadata` json NOT NULL, `plan` text NULL, `version` integer NOT NULL DEFAULT (1), `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `deleted_at` datetime NULL, PRIMARY KEY (`id`));

CREATE UNIQUE INDEX IF NOT EXISTS `tenancy_tenants_identifier_key` ON `tenancy_tenants` (`identifier`);

CREATE INDEX IF NOT EXISTS `tenancy_tenants_status_id` ON `tenancy_tenants` (`status`, `id`);

CREATE INDEX IF NOT EXISTS `tenancy_tenants_created_at_id` ON `tenancy_tenants` (`created_at`, `id`);
