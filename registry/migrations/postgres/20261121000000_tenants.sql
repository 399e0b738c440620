-- The registry's table as its first release made it. Where that has been, nothing happens.
CREATE TABLE IF NOT EXISTS "tenancy_tenants" ("id" character varying NOT NULL, "identifier" character varying NOT NULL, "name" character varying NOT NULL, "status" character varying NOT NULL DEFAULT 'provisioning', "isolation" character varying NULL, "schema_name" character varying NULL, "database_url" text NULL, "metadata" jsonb NOT NULL, "plan" character varying NULL, "version" bigint NOT NULL DEFAULT 1, "created_at" timestamptz NOT NULL, "updated_at" timestamptz NOT NULL, "deleted_at" timestamptz NULL, PRIMARY KEY ("id"));

CREATE UNIQUE INDEX IF NOT EXISTS "tenancy_tenants_identifier_key" ON "tenancy_tenants" ("identifier");

CREATE INDEX IF NOT EXISTS "tenancy_tenants_status_id" ON "tenancy_tenants" ("status", "id");

CREATE INDEX IF NOT EXISTS "tenancy_tenants_created_at_id" ON "tenancy_tenants" ("created_at", "id");
