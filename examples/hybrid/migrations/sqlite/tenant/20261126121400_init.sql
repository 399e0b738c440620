-- Create "items" table
CREATE TABLE `items` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `tenant_id` text NOT NULL, `sku` text NOT NULL, `order_items` integer NULL, CONSTRAINT `items_orders_items` FOREIGN KEY (`order_items`) REFERENCES `orders` (`id`) ON UPDATE NO ACTION ON DELETE SET NULL);
-- Create index "item_tenant_id" to table: "items"
CREATE INDEX `item_tenant_id` ON `items` (`tenant_id`);
-- Create "orders" table
CREATE TABLE `orders` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `tenant_id` text NOT NULL, `number` text NOT NULL, `cents` integer NOT NULL, `order_country` integer NULL);
-- Create index "order_tenant_id" to table: "orders"
CREATE INDEX `order_tenant_id` ON `orders` (`tenant_id`);
-- Create index "order_tenant_id_number" to table: "orders"
CREATE UNIQUE INDEX `order_tenant_id_number` ON `orders` (`tenant_id`, `number`);
