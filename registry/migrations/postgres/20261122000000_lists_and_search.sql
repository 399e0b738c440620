-- Ids and identifiers are compared and ordered by their bytes, whatever the database's locale.
ALTER TABLE "tenancy_tenants" ALTER COLUMN "id" TYPE character varying COLLATE "C", ALTER COLUMN "identifier" TYPE character varying COLLATE "C", ADD COLUMN "search_name" character varying COLLATE "C" NOT NULL DEFAULT '';

UPDATE "tenancy_tenants" SET "search_name" = lower("name");

CREATE INDEX "tenancy_tenants_status_created_at_id" ON "tenancy_tenants" ("status", "created_at", "id");

CREATE INDEX "tenancy_tenants_plan_id" ON "tenancy_tenants" ("plan", "id");

CREATE INDEX "tenancy_tenants_plan_created_at_id" ON "tenancy_tenants" ("plan", "created_at", "id");

CREATE INDEX "tenancy_tenants_isolation_id" ON "tenancy_tenants" ("isolation", "id");

CREATE INDEX "tenancy_tenants_isolation_created_at_id" ON "tenancy_tenants" ("isolation", "created_at", "id");

CREATE INDEX "tenancy_tenants_search_name" ON "tenancy_tenants" ("search_name");

-- Creations wait for each other on its row where there is a limit to the number of tenants.
CREATE TABLE "tenancy_registry_lock" ("name" character varying NOT NULL, "taken" bigint NOT NULL, PRIMARY KEY ("name"));

INSERT INTO "tenancy_registry_lock" ("name", "taken") VALUES ('create', 0);

-- Searching works without pg_trgm, but reads the whole table. Where the role may not install it, that is left to an administrator:
-- CREATE EXTENSION pg_trgm, then the statement after this one.
DO $$ BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR unique_violation THEN
  RAISE WARNING 'tenancy: searching tenants will be slow without the extension pg_trgm';
END $$;

-- The extension may be in any schema, on the search path or not.
DO $$ DECLARE home text; BEGIN
  SELECT quote_ident(n.nspname) INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
  IF home IS NOT NULL THEN
    EXECUTE 'CREATE INDEX IF NOT EXISTS "tenancy_tenants_search" ON "tenancy_tenants" USING gin ("identifier" ' || home || '.gin_trgm_ops, "search_name" ' || home || '.gin_trgm_ops)';
  END IF;
END $$;
