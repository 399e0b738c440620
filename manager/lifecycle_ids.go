package manager

import (
	"fmt"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/schema"
)

// holdable fails with tenancy.ErrInvalidID for an id that one of the tables' tenant
// columns does not hold as it is. Two ids that it takes for one, such as 7 and 007,
// would be two tenants in the registry with the same rows. The column is there in every
// isolation.
func holdable(id tenancy.ID, tables []schema.Table) error {
	for _, table := range tables {
		if _, err := tenantColumn(table).Value(id); err != nil {
			return fmt.Errorf("manager: the NewTenant cannot have the ID %q, because of table %s: %w", string(id), table.Name, err)
		}
	}
	return nil
}
