package noninterference

import (
	"context"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	entclub "github.com/entenancy/tenancy/internal/integration/isolation/ent/club"
	entgroup "github.com/entenancy/tenancy/internal/integration/isolation/ent/group"
	entmemo "github.com/entenancy/tenancy/internal/integration/isolation/ent/memo"
	entorder "github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	entprofile "github.com/entenancy/tenancy/internal/integration/isolation/ent/profile"
	entteam "github.com/entenancy/tenancy/internal/integration/isolation/ent/team"
	entuser "github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// idByText returns the id of the row whose text begins with what no other's does.
func idByText(ctx context.Context, c *ent.Client, k kind, text string) (int, error) {
	switch k {
	case user:
		return c.User.Query().Where(entuser.NameHasPrefix(text)).OnlyID(ctx)
	case order:
		return c.Order.Query().Where(entorder.NoteHasPrefix(text)).OnlyID(ctx)
	case profile:
		return c.Profile.Query().Where(entprofile.BioHasPrefix(text)).OnlyID(ctx)
	case group:
		return c.Group.Query().Where(entgroup.NameHasPrefix(text)).OnlyID(ctx)
	case team:
		return c.Team.Query().Where(entteam.NameHasPrefix(text)).OnlyID(ctx)
	case club:
		return c.Club.Query().Where(entclub.NameHasPrefix(text)).OnlyID(ctx)
	case memo:
		return c.Memo.Query().Where(entmemo.TextHasPrefix(text)).OnlyID(ctx)
	case item: // has an id that is known beforehand
	}
	return nobodys, nil
}
