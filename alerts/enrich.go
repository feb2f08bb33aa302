package alerts

import (
	"context"
	"time"

	"github.com/drey-ops/drey/storage"
)

// enrichEvery is the least time between two looks at an incident's job.
const enrichEvery = time.Minute

func (s *Service) enrich(ctx context.Context, items []storage.Item) {}
