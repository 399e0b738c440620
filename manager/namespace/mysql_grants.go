package namespace

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// rights are what who serves requests has in each database.
const rights = "SELECT, INSERT, UPDATE, DELETE"

// grant needs a session that is discarded afterwards.
func (k *MySQL) grant(ctx context.Context, conn *sql.Conn, name string) error {
	if len(k.config.Users) == 0 {
		return nil
	}
	if err := makeNoAccounts(ctx, conn); err != nil {
		return err
	}
	return k.eachUser(ctx, conn, name, func(database, user string) error {
		_, err := conn.ExecContext(ctx, "GRANT "+rights+" ON "+database+".* TO "+account(user))
		if isMySQL(err, "1133", "1410") { // MariaDB, and MySQL
			return fmt.Errorf("the user %q does not exist on the server, and gets no grant: make it by CREATE USER, "+
				"or name the account that there is, with its host, in MySQLConfig.Users (App.Roles of a Manager)", user)
		}
		return err
	})
}

// makeNoAccounts keeps GRANT from making an account that does not exist, without a
// password, for everybody to use: MariaDB and MySQL 5.7 do that unless the sql_mode
// says otherwise. MySQL 8 never does, and knows no such mode.
func makeNoAccounts(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@SESSION.sql_mode, ''), 'NO_AUTO_CREATE_USER')")
	if isMySQL(err, "1231") {
		return nil
	}
	return err
}

// revoke takes back what would outlive the database.
func (k *MySQL) revoke(ctx context.Context, q querier, name string) error {
	return k.eachUser(ctx, q, name, func(database, user string) error {
		_, err := q.ExecContext(ctx, "REVOKE "+rights+" ON "+database+".* FROM "+account(user))
		if isMySQL(err, "1141") { // there is no such grant
			return nil
		}
		return err
	})
}

// eachUser hands on each of Users, and how a grant names the database, as SQL.
func (k *MySQL) eachUser(ctx context.Context, q querier, name string, do func(database, user string) error) error {
	if len(k.config.Users) == 0 {
		return nil
	}
	pattern, err := inGrant(ctx, q, name)
	if err != nil {
		return err
	}
	for _, user := range k.config.Users {
		if err := do(backquoted(pattern), user); err != nil {
			return err
		}
	}
	return nil
}

// inGrant is how a grant names one database. There _ and % stand for any characters
// unless they are escaped, but with partial_revokes they stand for themselves,
// and so would the \ that escapes them.
func inGrant(ctx context.Context, q querier, name string) (string, error) {
	partial, err := partialRevokes(ctx, q)
	if err != nil || partial {
		return name, err
	}
	return strings.NewReplacer("_", `\_`, "%", `\%`).Replace(name), nil
}

// partialRevokes reports whether grants take names of databases literally.
func partialRevokes(ctx context.Context, q querier) (on bool, err error) {
	err = q.QueryRowContext(ctx, "SELECT @@GLOBAL.partial_revokes").Scan(&on)
	if isMySQL(err, "1193") { // MariaDB, and MySQL before 8.0.16, have no such variable
		return false, nil
	}
	return on, err
}

// verifyGrants fails where one of Users surely cannot use a database.
func (k *MySQL) verifyGrants(ctx context.Context, q querier, name string) error {
	if len(k.config.Users) == 0 {
		return nil
	}
	partial, err := partialRevokes(ctx, q)
	if err != nil {
		return err
	}
	for _, user := range k.config.Users {
		granted, known, err := grantedIn(ctx, q, name, account(user), partial)
		if err != nil {
			return fmt.Errorf("looking at the grants of user %q: %w", user, err)
		}
		if known && granted < strings.Count(rights, ",")+1 && !byRole(ctx, q, user) {
			return fmt.Errorf("user %q may not %s in database %q: grant that to it", user, rights, name)
		}
	}
	return nil
}

// grantedIn counts which of the rights an account has in a database, by itself or
// by a grant to all databases. It is not known where the views do not show the account,
// which those do that may not read the database mysql: each account has a row in
// user_privileges, USAGE if nothing else.
func grantedIn(ctx context.Context, q querier, name, account string, literally bool) (granted int, known bool, err error) {
	match := "? LIKE table_schema ESCAPE CHAR(92)" // the sql_mode may be one in which \ escapes nothing
	if literally {
		match = "? = table_schema"
	}
	const wanted = " AND privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')"
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM information_schema.user_privileges WHERE grantee = ?), COUNT(DISTINCT privilege_type) FROM (
SELECT privilege_type FROM information_schema.user_privileges WHERE grantee = ?`+wanted+`
UNION ALL SELECT privilege_type FROM information_schema.schema_privileges WHERE grantee = ? AND `+match+wanted+`) granted`,
		account, account, account, name).Scan(&known, &granted)
	return granted, known, err
}

// byRole reports whether an account may have more than its own grants: by a role,
// by one that all have, or, on MariaDB, by what is granted to PUBLIC. Where the
// server does not let us see, it may.
func byRole(ctx context.Context, q querier, user string) bool {
	at := strings.LastIndexByte(user, '@')
	for _, query := range []string{
		"SELECT (SELECT COUNT(*) FROM mysql.role_edges WHERE to_user = ? AND to_host = ?) + (@@GLOBAL.mandatory_roles <> '')",                                 // MySQL
		"SELECT COUNT(*) + (SELECT COUNT(*) FROM mysql.global_priv WHERE user = 'PUBLIC' AND host = '') FROM mysql.roles_mapping WHERE user = ? AND host = ?", // MariaDB
	} {
		var roles int
		if err := q.QueryRowContext(ctx, query, user[:at], user[at+1:]).Scan(&roles); err == nil {
			return roles > 0
		}
	}
	return true
}

func account(user string) string {
	at := strings.LastIndexByte(user, '@')
	return "'" + user[:at] + "'@'" + user[at+1:] + "'"
}
