package webbot

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guard sets the headers that every answer has, and refuses what no page of ours would send.
func (b *Bot) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		if https(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !b.hostAllowed(r) {
			http.Error(w, "This name does not lead to this console. Add it to web.hosts in drey's configuration.", http.StatusMisdirectedRequest)
			return
		}
		if r.Method == http.MethodPost {
			// A form of another site can send neither the header nor, thanks to SameSite, the cookie.
			if err := cross.Check(r); err != nil || r.Header.Get(userHeader) == "" {
				fail(w, http.StatusForbidden, "This request did not come from the console.")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// hostAllowed guards a console on loopback against a foreign name that was made to resolve to this machine.
func (b *Bot) hostAllowed(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	local, err := netip.ParseAddrPort(addr.String())
	if err != nil || !local.Addr().Unmap().IsLoopback() {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback() || slices.Contains(b.o.Hosts, host)
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(b.o.Hosts, host)
}

const (
	triesEach = 6  // wrong tokens from one address in a minute
	triesAll  = 60 // and from everywhere
)

// limiter counts failed sign-ins by address and minute.
type limiter struct {
	now    func() time.Time
	mu     sync.Mutex
	minute time.Time
	tries  map[string]int
	all    int
}

func newLimiter(now func() time.Time) *limiter { return &limiter{now: now, tries: map[string]int{}} }

// allow says whether one more try from the address may be looked at.
func (l *limiter) allow(addr string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.now().Truncate(time.Minute); !m.Equal(l.minute) {
		l.minute, l.all = m, 0
		clear(l.tries)
	}
	return l.tries[addr] < triesEach && l.all < triesAll
}

func (l *limiter) failed(addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries[addr]++
	l.all++
}

func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
