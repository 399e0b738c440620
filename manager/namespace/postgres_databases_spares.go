package namespace

import (
	"context"
	"fmt"

	"github.com/entenancy/tenancy"
)

// Spare implements [Spares]. The mark comes last, since what has it is handed out
// as it is. Whoever stops before that leaves what List names and Discard drops.
func (k *PostgresDatabases) Spare(ctx context.Context) (tenancy.Tenant, error) {
	name := k.config.Names.spare()
	err := k.createDatabase(ctx, name)
	if err == nil {
		err = k.grant(ctx, name)
	}
	if err == nil {
		_, err = script(ctx, k.db, "", k.comment(name, spareMark("")))
	}
	if err != nil {
		return tenancy.Tenant{}, fmt.Errorf("namespace: making a spare database: %w", err)
	}
	return k.spare(name), nil
}

func (k *PostgresDatabases) spare(name string) tenancy.Tenant {
	return tenancy.Tenant{ID: tenancy.ID(name), Isolation: tenancy.IsolationDatabase, Placement: tenancy.Placement{DatabaseURL: k.address.of(name)}}
}

// Ready implements [Spares].
func (k *PostgresDatabases) Ready(ctx context.Context, spare tenancy.Tenant, version string) error {
	name, err := databaseOf(k.address, k.config.Names, spare)
	if err != nil {
		return err
	}
	if !k.config.Names.isSpare(name) {
		return gone("database", name)
	}
	_, err = script(ctx, k.db, "", "PERFORM pg_advisory_xact_lock("+fmt.Sprintf(lockKey, literal(name))+");\n"+
		"IF NOT EXISTS (SELECT FROM pg_database WHERE datname = "+literal(name)+" AND "+isSpareMark("shobj_description(oid, 'pg_database')")+") THEN "+
		raise(codeGone)+" END IF;\n"+k.comment(name, spareMark(version)))
	if hasCode(err, codeGone) {
		return gone("database", name)
	}
	if err != nil {
		return fmt.Errorf("namespace: marking a spare database: %w", err)
	}
	return nil
}

// List implements [Spares]. It lists those too whose maker stopped before the mark,
// or is still at work: FillSpares discards them, and waits for makers that its Lock
// reaches. Any other maker fails then, and nothing is left of its spare.
func (k *PostgresDatabases) List(ctx context.Context) ([]Spare, error) {
	return listSpares(ctx, k.db, `SELECT datname, COALESCE(shobj_description(oid, 'pg_database'), '`+markSpare+`') FROM pg_catalog.pg_database
WHERE `+isSpare("datname", k.config.Names)+` AND pg_has_role(datdba, 'USAGE') ORDER BY 1`, k.spare)
}

// Discard implements [Spares].
func (k *PostgresDatabases) Discard(ctx context.Context, spare tenancy.Tenant) error {
	name, err := databaseOf(k.address, k.config.Names, spare)
	if err != nil {
		return err
	}
	if !k.config.Names.isSpare(name) {
		return gone("database", name)
	}
	// From here on it is nobody's to take.
	if err := k.Ready(ctx, spare, ""); err != nil {
		mark, there, markErr := k.mark(ctx, name)
		if markErr != nil || !there || mark != "" { // no mark: its maker has stopped
			return err
		}
	}
	if err := k.dropDatabase(ctx, name, k.address.of(name)); err != nil {
		return fmt.Errorf("namespace: dropping a spare database: %w", err)
	}
	return nil
}
