package ops

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/storage"
)

// lock says which operation has a job.
type lock struct {
	Op    string    `json:"op"`
	Kind  Kind      `json:"kind"`
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since"`
}

// pointer finds an operation by its short name.
type pointer struct {
	ID  string `json:"id"`
	Key string `json:"key"` // Origin.Key
}

const pointerTTL = 60 * 24 * time.Hour // longer than the engine keeps what ended

func (o *Ops) knowns() storage.Table[Known] { return storage.Table[Known]{DB: o.db, Name: "job"} }
func (o *Ops) locks() storage.Table[lock]   { return storage.Table[lock]{DB: o.db, Name: "oplock"} }
func (o *Ops) pointers() storage.Table[pointer] {
	return storage.Table[pointer]{DB: o.db, Name: "opshort", TTL: pointerTTL}
}

// Key is the root of everything stored about the job of that name.
func Key(cluster, name string) string { return digest("j", 7, cluster, name) }

// digest makes a short name of lower-case base32 out of parts, with a letter in front.
func digest(prefix string, n int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:n]
}

// busy returns a *BusyError when an operation has the job.
func (o *Ops) busy(ctx context.Context, key string, target Target) error {
	l, _, err := o.locks().Get(ctx, key+"/lock")
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return &BusyError{Op: l.Op, Kind: l.Kind, By: l.By, Since: l.Since, Job: target}
}

// known reads the registry record under key, or makes a new one.
func (o *Ops) known(ctx context.Context, key string, target Target) (Known, storage.Version, error) {
	k, ver, err := o.knowns().Get(ctx, key+"/known")
	if errors.Is(err, storage.ErrNotFound) {
		return Known{Key: key, Cluster: target.Cluster, Name: target.Name}, storage.New, nil
	}
	return k, ver, err
}

// identify finds the registry record that the target belongs to, and the run of the job that is meant.
//
// Flink lets any number of jobs have one name. The record of the name belongs to the job that drey submitted under it, or
// else to the one it saw first; a namesake gets a record of its own, so that it is never restored from another's savepoint.
func (v *sight) identify(ctx context.Context, target Target) (err error) {
	o := v.o
	if v.st.Known, v.version, err = o.known(ctx, Key(target.Cluster, target.Name), target); err != nil || v.st.Kind == KindSubmit {
		return err
	}
	if v.st.Job = target.JobID; v.st.Job == "" {
		if v.st.Job, err = v.byName(ctx, target); err != nil {
			return err
		}
	}
	known := &v.st.Known
	if v.st.Job == "" || v.version == storage.New || known.owns(v.st.Job) {
		return nil
	}
	if known.Source == nil {
		if s, found, err := stateOf(ctx, v.cluster, known.Current); err != nil && known.Current != "" {
			return err
		} else if known.Current == "" || !found || s.Terminal() {
			known.ended(known.Current, v.now, WithoutDrey)
			return nil
		}
	}
	v.st.Known, v.version, err = o.known(ctx, Key(target.Cluster, target.Name+"#"+string(v.st.Job)), target)
	return err
}

// byName finds the run that is meant when only a name is given.
func (v *sight) byName(ctx context.Context, target Target) (platform.JobID, error) {
	jobs, err := v.cluster.Jobs(ctx)
	if err != nil {
		return "", err
	}
	var live []platform.JobID
	for _, j := range jobs {
		if j.Name == target.Name && !j.State.Terminal() {
			live = append(live, j.ID)
		}
	}
	known := v.st.Known
	switch {
	case known.Current != "" && (len(live) == 0 || slices.Contains(live, known.Current)):
		return known.Current, nil
	case len(live) == 1:
		return live[0], nil
	case len(live) > 1:
		return "", v.refuse(platform.Invalid, "%d running jobs have this name; say which by its job id", len(live))
	case len(known.Past) > 0:
		return known.Past[len(known.Past)-1].JobID, nil
	}
	return "", nil
}
