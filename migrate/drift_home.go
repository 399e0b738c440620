package migrate

import "context"

// compareHome begins with the home's own tables.
func (d *drifts) compareHome(ctx context.Context) {
	home := d.home()
	d.compareAlone(ctx, home.tenant, func(part *driftPart) error {
		due, err := d.upToDate(ctx, home.db, []*place{home}, part)
		if err != nil || len(due) == 0 {
			return err
		}
		found, err := d.differenceOfHome(ctx, home)
		if err == nil {
			part.compared(home.tenant, found)
		}
		return err
	})
}

// differenceOfHome is of the tables that the migrations make: the home may have others,
// and it is not said whose.
func (d *drifts) differenceOfHome(ctx context.Context, home *place) (found Drift, err error) {
	want := d.want
	if home.directory != d.config.Directory {
		if want, _, err = d.wanted(ctx, home.directory, home); err != nil {
			return found, err
		}
	}
	has, err := contentsIn(ctx, home.db, home.schema)
	if err != nil {
		return found, err
	}
	return want.against(has.of(want)), nil
}
