package bot

import "time"

// SetLease makes another worker take over sooner (tests).
func (o *Outbox) SetLease(d time.Duration) { o.lease = d }
