-- Creations wait for each other on its row where there is a limit to the number of tenants.
CREATE TABLE IF NOT EXISTS `tenancy_registry_lock` (`name` varchar(32) NOT NULL, `taken` bigint NOT NULL, PRIMARY KEY (`name`)) CHARSET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO `tenancy_registry_lock` (`name`, `taken`) VALUES ('create', 0);

-- In one statement, because MySQL does each on its own and keeps what it has done when the next one fails.
ALTER TABLE `tenancy_tenants` ADD COLUMN `search_name` varchar(255) NOT NULL DEFAULT '' AFTER `name`, ADD INDEX `tenancy_tenants_status_created_at_id` (`status`, `created_at`, `id`), ADD INDEX `tenancy_tenants_plan_id` (`plan`, `id`), ADD INDEX `tenancy_tenants_plan_created_at_id` (`plan`, `created_at`, `id`), ADD INDEX `tenancy_tenants_isolation_id` (`isolation`, `id`), ADD INDEX `tenancy_tenants_isolation_created_at_id` (`isolation`, `created_at`, `id`), ADD INDEX `tenancy_tenants_search_name` (`search_name`);

UPDATE `tenancy_tenants` SET `search_name` = lower(`name`) WHERE `search_name` = '';
