package manager

import (
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/schema"
)

// holdable fails with tenancy.ErrInvalidID for an id that one of the tables' tenant
// columns does not hold as it is. Two ids that it takes for one, such as 7 and 007,
// would be two tenants in the registry with the same rows. The column is there in every
// isolation.
func holdable(id tenancy.ID, tables []schema.Table) error {
	for _, table := range tables {
		holds, ok := "", true
		switch table.ColumnType {
		case schema.Int64:
			n, err := strconv.ParseInt(string(id), 10, 64)
			holds, ok = "integers, and those of 64 bits without leading zeros or a plus", err == nil && strconv.FormatInt(n, 10) == string(id)
		case schema.UUID:
			u, err := uuid.Parse(string(id))
			holds, ok = "UUIDs, and those as lower-case texts with four hyphens", err == nil && u.String() == string(id)
		case schema.String:
		}
		if !ok {
			return fmt.Errorf("manager: %w: %q, where %s.%s holds %s only: name such an ID in the NewTenant",
				tenancy.ErrInvalidID, string(id), table.Name, table.TenantColumn, holds)
		}
	}
	return nil
}
