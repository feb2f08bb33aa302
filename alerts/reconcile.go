package alerts

import (
	"context"

	"github.com/drey-ops/drey/storage"
)

// reconcileBatch is how many incidents are compared with Alertmanager in one go.
const reconcileBatch = 256

func (s *Service) reconcile(ctx context.Context, items []storage.Item) {}
