package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/drey-ops/drey/config/secret"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkhttp"
	"github.com/drey-ops/drey/platform/flinkrest"
	"github.com/drey-ops/drey/platform/sqlgateway"
)

// Options say where a session cluster is. Only URL is required; without SQLGateway there is no SQL.
type Options struct {
	URL        string                 `yaml:"url"`         // the JobManager's REST address; a path is kept
	SQLGateway string                 `yaml:"sql_gateway"` // the SQL Gateway's REST address
	Headers    map[string]secret.Text `yaml:"headers"`     // sent with every request, to both
	Bearer     secret.Text            `yaml:"bearer"`
	TLS        flinkhttp.TLS          `yaml:"tls"`
	Timeout    time.Duration          `yaml:"timeout"` // of one request; default 30s
}

// Validate checks what can be checked without a connection.
func (o Options) Validate() error {
	if o.URL == "" {
		return errors.New("url: is missing; it is the JobManager's REST address")
	}
	if o.Timeout < 0 {
		return errors.New("timeout: must not be negative")
	}
	if _, err := flinkhttp.New(o.endpoint(o.URL)); err != nil {
		return err
	}
	if o.SQLGateway != "" {
		if _, err := flinkhttp.New(o.endpoint(o.SQLGateway)); err != nil {
			return fmt.Errorf("sql_gateway %w", err)
		}
	}
	return nil
}

func (o Options) endpoint(url string) flinkhttp.Options {
	return flinkhttp.Options{URL: url, Headers: o.Headers, Bearer: o.Bearer, TLS: o.TLS, Timeout: o.Timeout}
}

// Driver drives one session cluster. It implements platform.Driver and all its optional reads.
type Driver struct {
	jm   *flinkrest.Client
	gw   *sqlgateway.Client // nil: no SQL
	pool *pool              // nil: no SQL

	mu        sync.Mutex
	scheduler string // as configured, lower case; "" while not known
	asked     time.Time
}

var (
	_ platform.Driver           = (*Driver)(nil)
	_ platform.Stater           = (*Driver)(nil)
	_ platform.ExceptionReader  = (*Driver)(nil)
	_ platform.CheckpointReader = (*Driver)(nil)
	_ platform.MetricReader     = (*Driver)(nil)
	_ platform.Rescaler         = (*Driver)(nil)
	_ platform.Queryer          = (*Driver)(nil)
)

// New makes a driver; it connects to nothing. Close it.
func New(o Options) (*Driver, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	jm, err := flinkrest.New(o.endpoint(o.URL))
	if err != nil {
		return nil, err
	}
	d := &Driver{jm: jm}
	if o.SQLGateway != "" {
		if d.gw, err = sqlgateway.New(o.endpoint(o.SQLGateway)); err != nil {
			return nil, err
		}
		d.pool = newPool(d.gw)
	}
	return d, nil
}

// Close ends the pooled SQL sessions and drops connections.
func (d *Driver) Close() error {
	if d.gw != nil {
		d.pool.close()
		d.gw.Close()
	}
	d.jm.Close()
	return nil
}

const (
	noGateway  = "no SQL Gateway is configured for this cluster"
	noUpload   = "the cluster has JAR submission switched off (web.submit.enable)"
	notInPlace = "the cluster uses the %s scheduler, which cannot rescale a running job; stop it with a savepoint and start it again with another parallelism"
)

// Describe implements platform.Driver.
func (d *Driver) Describe(ctx context.Context) (platform.Info, error) {
	const op = "describe the cluster"
	ov, err := d.jm.Overview(ctx)
	if err != nil {
		return platform.Info{}, mapped(op, err)
	}
	conf, err := d.jm.Config(ctx)
	if err != nil {
		return platform.Info{}, mapped(op, err)
	}
	info := platform.Info{
		Kind:         "session",
		Version:      ov.Version,
		Cannot:       map[platform.Op]string{},
		SlotsTotal:   ov.SlotsTotal,
		SlotsFree:    ov.SlotsAvailable,
		TaskManagers: ov.TaskManagers,
		JobsRunning:  ov.JobsRunning,
	}
	if d.gw == nil {
		info.Cannot[platform.OpSubmitSQL] = noGateway
	}
	if on := conf.Features.Submit; on != nil && !*on {
		info.Cannot[platform.OpSubmitJar] = noUpload
	}
	if s := d.configuredScheduler(ctx); s != "" && s != "adaptive" {
		info.Cannot[platform.OpRescale] = fmt.Sprintf(notInPlace, s)
	}
	return info, nil
}

// configuredScheduler reads the cluster's scheduler, at most once a minute; "" when it cannot be read, for example
// because a proxy hides the configuration. Each job then tells by itself.
func (d *Driver) configuredScheduler(ctx context.Context) string {
	d.mu.Lock()
	s, fresh := d.scheduler, time.Since(d.asked) < time.Minute
	d.mu.Unlock()
	if fresh {
		return s
	}
	conf, err := d.jm.JobManagerConfig(ctx)
	if err != nil {
		return s
	}
	s = strings.ToLower(conf["jobmanager.scheduler"])
	if s == "" {
		s = "default"
	}
	if strings.EqualFold(conf["scheduler-mode"], "reactive") {
		s = "reactive"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scheduler, d.asked = s, time.Now()
	return s
}
