ALTER TABLE `tenancy_tenants` ADD COLUMN `search_name` text NOT NULL DEFAULT '';

UPDATE `tenancy_tenants` SET `search_name` = lower(`name`);

CREATE INDEX `tenancy_tenants_status_created_at_id` ON `tenancy_tenants` (`status`, `created_at`, `id`);

CREATE INDEX `tenancy_tenants_plan_id` ON `tenancy_tenants` (`plan`, `id`);

CREATE INDEX `tenancy_tenants_plan_created_at_id` ON `tenancy_tenants` (`plan`, `created_at`, `id`);

CREATE INDEX `tenancy_tenants_isolation_id` ON `tenancy_tenants` (`isolation`, `id`);

CREATE INDEX `tenancy_tenants_isolation_created_at_id` ON `tenancy_tenants` (`isolation`, `created_at`, `id`);

CREATE INDEX `tenancy_tenants_search_name` ON `tenancy_tenants` (`search_name`);

-- Creations wait for each other on its row where there is a limit to the number of tenants.
CREATE TABLE `tenancy_registry_lock` (`name` text NOT NULL, `taken` integer NOT NULL, PRIMARY KEY (`name`));

INSERT INTO `tenancy_registry_lock` (`name`, `taken`) VALUES ('create', 0);
