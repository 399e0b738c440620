package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy/driver/postgres"
)

func TestNewConnectorRefuses(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig("host=localhost password=hunter2")
	if err != nil {
		t.Fatal(err)
	}
	fixed := config.Copy()
	fixed.RuntimeParams["Tenancy.Tenant_ID"] = "acme"
	for name, test := range map[string]struct {
		pg     *pgx.ConnConfig
		config postgres.Config
		names  string
	}{
		"no pgx configuration":          {nil, postgres.Config{}, "pgx configuration"},
		"a negative cache":              {config, postgres.Config{StatementCache: -1}, "Config.StatementCache"},
		"a tenant for whole connection": {fixed, postgres.Config{}, postgres.Setting},
	} {
		_, err := postgres.NewConnector(test.pg, test.config)
		if err == nil || !strings.Contains(err.Error(), test.names) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDriverOpensNothing(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig("host=localhost")
	if err != nil {
		t.Fatal(err)
	}
	connector, err := postgres.NewConnector(config, postgres.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connector.Driver().Open("host=localhost password=hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
