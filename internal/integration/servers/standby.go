package servers

import (
	"net/url"
	"path/filepath"
	"testing"
)

// Standby starts a server that has what this one has, follows it, and answers queries. It ends when tb is over, before this one.
func (p *PrivatePostgres) Standby(tb testing.TB) *PrivatePostgres {
	tb.Helper()
	k := postgres()
	k.name, k.variable = "a standby of PostgreSQL", ""
	k.plan = func() (plan, error) {
		follower, err := planPostgres()
		if err != nil {
			return plan{}, err
		}
		backup := filepath.Join(filepath.Dir(follower.serve[0]), "pg_basebackup")
		follower.prepare = []string{
			backup, "--pgdata={dir}/data", "--dbname=" + p.Admin(), "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
		}
		return follower, nil
	}
	own := finder{privateOnly: true}
	tb.Cleanup(own.stop)
	own.url(tb, k)
	return &PrivatePostgres{own.private[0]}
}

// At returns the URL of the same database and role on this server.
func (p *PrivatePostgres) At(tb testing.TB, address string) string {
	tb.Helper()
	here, err := url.Parse(p.Admin())
	u, errOther := url.Parse(address)
	if err != nil || errOther != nil {
		tb.Fatal(errNotPostgresURL)
	}
	u.Host = here.Host
	return u.String()
}
