package flinkhttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drey-ops/drey/config/secret"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func endpoint(t *testing.T, o Options) *Endpoint {
	t.Helper()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// TestBrokenAnswers injects what a real cluster does only on a bad day.
func TestBrokenAnswers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
		status int
	}{
		{"proxy down", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, "<html><h1>502</h1></html>")
		}, "answered only HTTP 502 (bad gateway)", 502},
		{"login page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>sign in</html>")
		}, "a web page answered instead of Flink; is there a login or a proxy in front?", 200},
		{"empty", func(http.ResponseWriter, *http.Request) {}, "the answer was empty", 200},
		{"cut JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"a": [1, 2`) }, "the answer is not complete JSON", 200},
		{"other form", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[7]`) }, `the answer has another form than expected`, 200},
		{"other type", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"N": "seven"}`) }, `the answer has another form than expected at "N"`, 200},
		{"cut connection", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"n": 1`)
		}, "the connection was cut before the answer was complete", 0},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "the connection was cut before the answer was complete", 0},
		{"too slow", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}, "no answer in time", 0},
		{"huge", func(w http.ResponseWriter, _ *http.Request) {
			b := make([]byte, 1<<20)
			for range MaxAnswer>>20 + 2 {
				if _, err := w.Write(b); err != nil {
					return
				}
			}
		}, "the answer is larger than 64 MB", 200},
		{"errors of another shape", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"message": "oops"}`)
		}, "answered only HTTP 500 (internal server error)", 500},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, tc.answer)
			e := endpoint(t, Options{URL: s.URL, Timeout: 300 * time.Millisecond})
			if tc.name == "huge" {
				e.timeout = time.Minute
			}
			var out struct{ N int }
			err := e.Do(t.Context(), Call{Route: "GET /x"}, &out)
			var fe *Error
			if !errors.As(err, &fe) || err.Error() != tc.want || fe.Status != tc.status {
				t.Errorf("%q (%+v), want %q", err, fe, tc.want)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	for target, want := range map[string]string{
		"http://user:pw@127.0.0.1:1":  "connection refused",
		"http://no-such-host.invalid": "no such host",
	} {
		err := endpoint(t, Options{URL: target}).Do(t.Context(), Call{Route: "GET /x"}, nil)
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := endpoint(t, Options{URL: "http://127.0.0.1:1"}).Do(ctx, Call{Route: "GET /x"}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	for _, target := range []string{s.URL, strings.Replace(serve(t, func(http.ResponseWriter, *http.Request) {}).URL, "http:", "https:", 1)} {
		err = endpoint(t, Options{URL: target}).Do(t.Context(), Call{Route: "GET /x"}, nil)
		if err == nil || !strings.Contains(err.Error(), "TLS") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%v", err)
		}
	}
}

func TestRequest(t *testing.T) {
	var got *http.Request
	var body string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		fmt.Fprint(w, `{"n": 7, "extra": {"x": []}}`)
	})
	e := endpoint(t, Options{
		URL:     strings.Replace(s.URL, "//", "//olga:pw@", 1) + "/flink/prod/",
		Headers: map[string]secret.Text{"X-Tenant": "blue"},
	})
	var out struct{ N int }
	err := e.Do(t.Context(), Call{
		Route: "POST /jars/:jarid/run/:n", Params: []string{"a b/c?d.jar", "1"}, Query: url.Values{"q": {"ü&1"}}, Body: map[string]int{"x": 1},
	}, &out)
	if err != nil || out.N != 7 {
		t.Fatal(out, err)
	}
	if want := "/flink/prod/jars/a%20b%2Fc%3Fd.jar/run/1?q=%C3%BC%261"; got.RequestURI != want {
		t.Errorf("asked %s, want %s", got.RequestURI, want)
	}
	user, pass, _ := got.BasicAuth()
	if user != "olga" || pass != "pw" || got.Header.Get("X-Tenant") != "blue" || body != `{"x":1}` || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %q", got.Header, body)
	}
	e = endpoint(t, Options{URL: s.URL, Bearer: "t0ken"})
	if err := e.Do(t.Context(), Call{Route: "GET /x"}, nil); err != nil || got.Header.Get("Authorization") != "Bearer t0ken" {
		t.Errorf("%v, %v", got.Header, err)
	}
	for _, bad := range []string{"", "..", "."} {
		if err := e.Do(t.Context(), Call{Route: "GET /jobs/:jobid", Params: []string{bad}}, nil); err == nil {
			t.Errorf("parameter %q was sent", bad)
		}
	}
}

func TestMutualTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"n": %d}`, len(r.TLS.PeerCertificates))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	pair := s.TLS.Certificates[0]
	ca := write("ca.pem", "CERTIFICATE", s.Certificate().Raw)
	cert := write("cert.pem", "CERTIFICATE", pair.Certificate[0])
	key := write("key.pem", "PRIVATE KEY", mustPKCS8(t, pair.PrivateKey))
	var out struct{ N int }
	e := endpoint(t, Options{URL: s.URL, TLS: TLS{CA: ca, Cert: cert, Key: key}})
	if err := e.Do(t.Context(), Call{Route: "GET /x"}, &out); err != nil || out.N != 1 {
		t.Errorf("%d certificates, %v", out.N, err)
	}
	e = endpoint(t, Options{URL: s.URL, TLS: TLS{CA: ca}})
	if err := e.Do(t.Context(), Call{Route: "GET /x"}, &out); err == nil {
		t.Error("answered without our certificate")
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, o := range []Options{
		{}, {URL: "127.0.0.1:8081"}, {URL: "ftp://h"}, {URL: "http://h/?token=secret"}, {URL: "http://:secret@%zz"},
		{URL: "http://h", TLS: TLS{CA: "/no/such"}}, {URL: "http://h", TLS: TLS{Cert: "x"}}, {URL: "http://h", TLS: TLS{CA: "error_test.go"}},
	} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestSecretDoesNotPrint(t *testing.T) {
	b, err := json.Marshal(map[string]secret.Text{"a": "geheim"})
	s := fmt.Sprintf("%s %v %+v %#v %q %s", secret.Text("geheim"), secret.Text("geheim"), Options{Bearer: "geheim"}, Options{Bearer: "geheim"}, secret.Text("geheim"), b)
	if err != nil || strings.Contains(s, "geheim") {
		t.Errorf("%s, %v", s, err)
	}
}

func mustPKCS8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
