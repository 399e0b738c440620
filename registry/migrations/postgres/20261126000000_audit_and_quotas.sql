CREATE TABLE "tenancy_audit" ("id" character varying COLLATE "C" NOT NULL, "recorded_at" timestamptz NOT NULL, "tenant_id" character varying COLLATE "C" NOT NULL DEFAULT '', "principal" character varying NOT NULL DEFAULT '', "action" character varying NOT NULL, "resource" character varying NOT NULL, "resource_id" character varying NOT NULL DEFAULT '', "client_addr" character varying NOT NULL DEFAULT '', "user_agent" character varying NOT NULL DEFAULT '', "reason" character varying NOT NULL DEFAULT '', "metadata" text NOT NULL, PRIMARY KEY ("id"));

CREATE INDEX "tenancy_audit_tenant_id_recorded_at_id" ON "tenancy_audit" ("tenant_id", "recorded_at", "id");

CREATE INDEX "tenancy_audit_recorded_at_id" ON "tenancy_audit" ("recorded_at", "id");

CREATE TABLE "tenancy_quotas" ("tenant_id" character varying COLLATE "C" NOT NULL, "quota" character varying COLLATE "C" NOT NULL, "period" character varying COLLATE "C" NOT NULL, "used" bigint NOT NULL, PRIMARY KEY ("tenant_id", "quota", "period"));
