// Migrations by the Atlas CLI, with the tenants that the registry names. It goes on where migrate.Runner has stopped, and the other way
// round. docs/migrations.md says when to use it, and what to beware of.
//
//   atlas migrate apply  --env shared --allow-dirty             the home: the registry's own tables are there already
//   atlas migrate apply  --env tenants                          each tenant with a schema (on MySQL a database, on SQLite a file)
//   atlas migrate apply  --env tenants --var plan=internal      those with that plan
//   atlas migrate apply  --env databases                        each tenant with a database of its own
//   atlas migrate status --env tenant --var tenant=acme         one tenant, by the name of its schema

variable "url" { // of the home: postgres://user:pass@host:5432/app, mysql://user:pass@host:3306/app or sqlite://app.db
  type    = string
  default = getenv("DATABASE_URL")
}

variable "dev" { // an empty database to try things in, for migrate lint
  type    = string
  default = getenv("ATLAS_DEV_URL")
}

variable "plan" { // only tenants with this plan; % is any
  type    = string
  default = "%"
}

variable "tenant" { // the name of one tenant's schema
  type    = string
  default = ""
}

variable "files" { // on SQLite: the directory of the tenants' files
  type    = string
  default = "tenants"
}

variable "migrations" { // what diff.Named writes: the directory with tenant and shared
  type    = string
  default = "examples/hybrid/migrations/postgres"
}

locals {
  dialect = {
    postgres   = "postgres"
    postgresql = "postgres"
    mysql      = "mysql"
    maria      = "mysql"
    mariadb    = "mysql"
    sqlite     = "sqlite"
  }[regex("^[a-z]+", var.url)]
  dir = "file://${var.migrations}"

  // Whom the runner migrates too, but for those that are being provisioned, whose places may not be there yet.
  tenants = "FROM tenancy_tenants WHERE status IN ('active', 'suspended') AND COALESCE(plan, '') LIKE ${local.dialect == "postgres" ? "$1" : "?"} AND isolation ="

  // Without a name the first two would be the home, which must not get a tenant's tables. The CLI says that it does not know this scheme.
  one = var.tenant == "" ? "name-one-by-var-tenant://" : {
    postgres = urlqueryset(var.url, "search_path", var.tenant)
    mysql    = urlsetpath(var.url, var.tenant)
    sqlite   = "sqlite://${var.files}/${var.tenant}.db"
  }[local.dialect]
}

data "sql" "schemas" {
  url   = var.url
  query = "SELECT schema_name ${local.tenants} 'schema' AND schema_name <> '' ORDER BY id"
  args  = [var.plan]
}

data "sql" "databases" {
  url   = var.url
  query = "SELECT database_url ${local.tenants} 'database' AND database_url <> '' ORDER BY id"
  args  = [var.plan]
}

env "shared" {
  url = local.dialect == "postgres" ? urlqueryset(var.url, "search_path", "public") : var.url
  dev = var.dev
  migration {
    dir = "${local.dir}/shared"
  }
}

env "tenants" {
  for_each = toset(data.sql.schemas.values)
  url = {
    postgres = urlqueryset(var.url, "search_path", each.value)
    mysql    = urlsetpath(var.url, each.value)
    sqlite   = "sqlite://${var.files}/${each.value}.db"
  }[local.dialect]
  dev = var.dev
  migration {
    dir = "${local.dir}/tenant"
  }
  format {
    migrate {
      apply = format("{{ json . | json_merge %q }}{{ \"\\n\" }}", jsonencode({ Tenant : each.value }))
    }
  }
}

// URLs that the registry encrypts are not for the CLI, nor on PostgreSQL those of a role that does not own the tables.
env "databases" {
  for_each = toset(data.sql.databases.values)
  // Not a map: what is not meant need not be a URL.
  url = local.dialect == "postgres" ? urlqueryset(each.value, "search_path", "public") : (
    local.dialect == "mysql" ? regexreplace(each.value, "^(?:([^@]*)@)?tcp\\(([^)]*)\\)/", "mysql://$1@$2/") : regexreplace(each.value, "^file:", "sqlite://")
  )
  dev = var.dev
  migration {
    dir = "${local.dir}/tenant"
  }
}

env "tenant" {
  url = local.one
  dev = var.dev
  migration {
    dir = "${local.dir}/tenant"
  }
}
