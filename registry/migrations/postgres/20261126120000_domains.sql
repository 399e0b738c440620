CREATE TABLE "tenancy_domains" ("domain" character varying COLLATE "C" NOT NULL, "tenant_id" character varying COLLATE "C" NOT NULL, "created_at" timestamptz NOT NULL, PRIMARY KEY ("domain"));

CREATE INDEX "tenancy_domains_tenant_id" ON "tenancy_domains" ("tenant_id");
