package storage

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// target is a parsed URL. Its text for people, where, holds addresses only.
type target struct {
	opts  redis.UniversalOptions
	where string
}

// parseURL reads the forms described in the package comment. Its errors never quote the URL: any part of a mistyped one
// may be the password. net/url is no help: it knows one host, and quotes what it dislikes.
func parseURL(raw string) (target, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return target{}, errors.New("storage: redis URL: want redis://, rediss://, redis+sentinel:// or redis+cluster://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	user, hosts := "", rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, hosts = rest[:i], rest[i+1:]
	}
	hosts, path, _ := strings.Cut(hosts, "/")
	t := target{opts: baseOptions()}
	if err := t.database(path); err != nil {
		return t, err
	}
	if err := t.credentials(scheme, user); err != nil {
		return t, err
	}
	if err := t.query(scheme, query); err != nil {
		return t, err
	}
	return t, t.scheme(scheme, hosts)
}

// baseOptions hold for every kind of server. Repeating is ours (see do), and RESP2 is what every server and miniredis
// speak alike. The buffers are per connection, up to 20 and 10 of them on two cores and for each node of a cluster: the
// client's own sizes come to 6 MB there. Most records are 1 to 4 kB, and larger ones pass by the buffer.
func baseOptions() redis.UniversalOptions {
	return redis.UniversalOptions{
		Protocol: 2, MaxRetries: -1, DialerRetries: 1, DialTimeout: 3 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: 5 * time.Second, ContextTimeoutEnabled: true, DisableIdentity: true,
		ReadBufferSize: 8 << 10, WriteBufferSize: 8 << 10, PipelineReadBufferSize: 32 << 10, PipelineWriteBufferSize: 16 << 10,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

func (t *target) database(path string) error {
	if path == "" {
		return nil
	}
	n, err := strconv.Atoi(path)
	if err != nil || n < 0 {
		return errors.New("storage: redis URL: what follows the host must be the number of a database")
	}
	t.opts.DB = n
	return nil
}

func (t *target) credentials(scheme, user string) error {
	if user == "" {
		return nil
	}
	name, password, both := strings.Cut(user, ":")
	name, err1 := url.PathUnescape(name)
	password, err2 := url.PathUnescape(password)
	switch {
	case err1 != nil || err2 != nil:
		return errors.New("storage: redis URL: user and password must be percent-encoded")
	case both:
		t.opts.Username, t.opts.Password = name, password
	case scheme == "redis+sentinel":
		t.opts.MasterName = name
	default:
		return errors.New("storage: redis URL: want user:password@ or :password@ before the host")
	}
	return nil
}

func (t *target) query(scheme, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("storage: redis URL: what follows '?' must be key=value&…, percent-encoded")
	}
	secure, insecure := scheme == "rediss", false
	for key := range values {
		v := values.Get(key)
		var bad error
		switch {
		case key == "tls":
			secure, bad = parseBool(v)
		case key == "insecure":
			insecure, bad = parseBool(v)
		case key == "pool":
			t.opts.PoolSize, bad = strconv.Atoi(v)
		case key == "master" && scheme == "redis+sentinel":
			t.opts.MasterName = v
		case key == "sentinel_user" && scheme == "redis+sentinel":
			t.opts.SentinelUsername = v
		case key == "sentinel_password" && scheme == "redis+sentinel":
			t.opts.SentinelPassword = v
		default:
			return fmt.Errorf("storage: redis URL: unknown or misplaced key %q", key)
		}
		if bad != nil {
			return fmt.Errorf("storage: redis URL: %s has no such value", key)
		}
	}
	if secure {
		t.opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}
	}
	return nil
}

func parseBool(v string) (bool, error) { return strconv.ParseBool(v) }

func (t *target) scheme(scheme, hosts string) error {
	port, words := "6379", ""
	switch scheme {
	case "redis", "rediss":
		if strings.Contains(hosts, ",") {
			return errors.New("storage: redis URL: several hosts want redis+sentinel:// or redis+cluster://")
		}
	case "redis+cluster":
		words = "cluster "
		t.opts.IsClusterMode = true
		if t.opts.DB != 0 {
			return errors.New("storage: redis URL: a cluster has database 0 only")
		}
	case "redis+sentinel":
		port = "26379"
		if t.opts.MasterName == "" {
			return errors.New("storage: redis URL: redis+sentinel:// wants ?master=NAME")
		}
		words = "master " + t.opts.MasterName + " of sentinels "
	default:
		return errors.New("storage: redis URL: want redis://, rediss://, redis+sentinel:// or redis+cluster://")
	}
	if err := t.addresses(hosts, port); err != nil {
		return err
	}
	if scheme == "redis" || scheme == "rediss" {
		setServerName(t.opts.TLSConfig, t.opts.Addrs[0])
	}
	t.where = words + strings.Join(t.opts.Addrs, ", ")
	return nil
}

func (t *target) addresses(hosts, port string) error {
	for _, h := range strings.Split(hosts, ",") {
		host, p, err := net.SplitHostPort(h)
		if err != nil {
			host, p = strings.Trim(h, "[]"), port
		}
		n, err := strconv.ParseUint(p, 10, 16)
		if host == "" && h != "" {
			host = "localhost"
		}
		if err != nil || n == 0 || strings.ContainsAny(host, " \t@/") || host == "" {
			return errors.New("storage: redis URL: want host or host:port after the last '@', several separated by ','")
		}
		t.opts.Addrs = append(t.opts.Addrs, net.JoinHostPort(host, p))
	}
	return nil
}

func setServerName(c *tls.Config, addr string) {
	if c != nil {
		c.ServerName, _, _ = net.SplitHostPort(addr)
	}
}
