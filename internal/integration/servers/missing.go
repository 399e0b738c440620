package servers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
)

// kinds is the kinds of server that tests use.
func kinds() []kind { return []kind{postgres(), mariaDB(), redisServer()} }

// Missing returns one line for each thing that tests need and this machine has not, saying which tests were skipped for the lack of it and
// how to get it. `go test` prints the reasons of skipped tests only with -v.
func Missing(ctx context.Context) []string {
	var lines []string
	for _, k := range kinds() {
		if os.Getenv(k.variable) != "" || answers(ctx, k, k.standard) == nil {
			continue
		}
		if _, err := k.plan(); errors.Is(err, errNotInstalled) {
			lines = append(lines, missing(k.name, k.remedy()))
		}
	}
	if _, err := program("pgbouncer"); err != nil {
		lines = append(lines, missing("PgBouncer", "run `make services`"))
	}
	if _, err := program("initdb"); err != nil {
		lines = append(lines, missing("the program initdb", "run `make services`"))
	}
	switch _, built, err := findAtlas(); {
	case err != nil:
		lines = append(lines, missing("the Atlas CLI", atlasRemedy))
	case built && isTooNew(ctx):
		lines = append(lines, "skipped: "+errOldAtlas.Error())
	}
	return lines
}

// isTooNew reports whether the PostgreSQL that tests find is one that the built Atlas CLI does not know.
func isTooNew(ctx context.Context) bool {
	k := postgres()
	version, err := postgresVersion(ctx, cmp.Or(os.Getenv(k.variable), k.standard))
	return err == nil && version >= firstWithoutCollate
}

func missing(name, remedy string) string {
	return fmt.Sprintf("skipped: the tests that need %s, which is not on this machine; %s", name, remedy)
}
