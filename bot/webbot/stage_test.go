package webbot

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/storage"
)

// stage is a console with a scripted drey behind it.
type stage struct {
	t    testing.TB
	db   *storage.DB
	bot  *Bot
	o    Options
	url  string
	srv  *http.Server
	stop func()

	acts   sync.WaitGroup
	mu     sync.Mutex
	events []bot.Event
	seen   map[string]bool
}

func openDB(t testing.TB) *storage.DB {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Options{Memory: true}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func newStage(t testing.TB, o Options) *stage {
	t.Helper()
	if o.Login == "" {
		o.Login = LoginDemo
	}
	s := &stage{t: t, db: openDB(t), o: o, seen: map[string]bool{}}
	s.start("127.0.0.1:0")
	t.Cleanup(func() { s.stop() })
	return s
}

// start serves on addr; called again after stop, it is the same console restarted.
func (s *stage) start(addr string) {
	s.t.Helper()
	s.bot = New(s.db, slog.New(slog.NewTextHandler(s.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), s.o)
	if err := s.bot.Publish(s.t.Context(), specs()); err != nil {
		s.t.Fatal(err)
	}
	var ln net.Listener
	var err error
	for range 100 {
		if ln, err = net.Listen("tcp", addr); err == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.srv = &http.Server{Handler: s.bot.Handler(), ReadHeaderTimeout: 5 * time.Second}
	s.url = "http://" + ln.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() { s.bot.Receive(ctx, s) })
	wg.Go(func() { s.srv.Serve(ln) })
	for { // Receive has begun when the sink is there
		if _, _, ok := s.bot.receiving(); ok {
			break
		}
		time.Sleep(time.Millisecond)
	}
	s.stop = func() {
		cancel()
		s.srv.Close()
		wg.Wait()
		s.acts.Wait()
	}
}

// Deliver answers as the script says, once per event.
func (s *stage) Deliver(_ context.Context, ev bot.Event) {
	s.mu.Lock()
	s.events = append(s.events, ev)
	again := s.seen[ev.ID]
	s.seen[ev.ID] = true
	s.mu.Unlock()
	if !again {
		s.acts.Go(func() { s.act(ev) })
	}
}

func (s *stage) got() []bot.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]bot.Event(nil), s.events...)
}

func (s *stage) reply(ev bot.Event, m bot.Message) {
	if err := s.bot.Reply(context.Background(), ev, m); err != nil {
		s.t.Error("reply:", err)
	}
}

func (s *stage) act(ev bot.Event) {
	line := ev.Call.Line
	switch {
	case ev.Form != nil && ev.Button == "form-cancel":
		s.reply(ev, bot.Message{Title: "Cancelled clicks", Tone: bot.Good, Blocks: []bot.Block{bot.Textf("Typed: `%s`", ev.Form["confirm"])}})
	case ev.Form != nil:
		if strings.Contains(ev.Form["text"], "SELEC ") {
			m := sqlForm()
			m.Form.Fields[0].Value = ev.Form["text"]
			m.Form.Fields[0].Error = "Line 1, column 1: unknown word SELEC; did you mean SELECT?"
			s.reply(ev, m)
			return
		}
		s.reply(ev, bot.Message{Title: "Statement accepted", Tone: bot.Good})
	case ev.Button == "b-next" || ev.Button == "b-back":
		s.reply(ev, pageOf(map[string]int{"b-next": 2, "b-back": 1}[ev.Button]))
	case ev.Button == "b-stop":
		s.reply(ev, bot.Message{Title: "Stop orders-enrichment: started", Tone: bot.Busy, Blocks: []bot.Block{bot.Textf("Operation `7F3`.")}})
	case ev.Button != "":
		s.reply(ev, bot.Message{Title: ev.Button, Tone: bot.Good})
	case len(ev.Files) > 0:
		s.reply(ev, s.contents(ev))
	case line == "/flink pages":
		m := pageOf(1)
		m.Instead = false
		s.reply(ev, m)
	case line == "/flink sure":
		s.reply(ev, sureForm(false))
	case line == "/flink really":
		s.reply(ev, sureForm(true))
	case line == "/flink start":
		s.reply(ev, askingForm())
	case strings.HasPrefix(line, "/flink jobs"):
		s.reply(ev, jobsTable(12))
	case line == "/flink sql":
		s.reply(ev, sqlForm())
	case strings.HasPrefix(line, "/flink cancel"):
		s.reply(ev, cancelForm())
	case strings.HasPrefix(line, "/drey whoami"):
		s.reply(ev, bot.Message{Private: true, Title: "You are " + ev.Actor.ID, Blocks: []bot.Block{bot.Textf("A secret of **%s**.", ev.Actor.ID)}})
	case strings.HasPrefix(line, "/flink slow"):
		s.reply(ev, bot.Message{Pending: true})
	default:
		s.reply(ev, bot.Message{Private: true, Title: "Unknown command", Tone: bot.Bad, Blocks: []bot.Block{
			bot.Textf("There is no `%s`. Nearest: `/flink jobs`, `/flink job`.", line)}})
	}
}

// Suggest completes job names, and for a form's field says what it was asked.
func (s *stage) Suggest(_ context.Context, a bot.Ask) bot.Suggestions {
	if a.Param != "" {
		return bot.Suggestions{Choices: []bot.Choice{{Value: a.Prefix + "-of-" + a.Args["cluster"], Help: a.Path + " " + a.Param}}}
	}
	from := strings.LastIndexByte(a.Line[:a.At], ' ') + 1
	out := bot.Suggestions{From: from, To: a.At, Hint: "/flink savepoint <job> [dir]"}
	for _, j := range []string{"orders-enrichment", "orders-dedup", "clicks-sessions", "payments-fraud"} {
		if strings.HasPrefix(j, a.Line[from:a.At]) {
			out.Choices = append(out.Choices, bot.Choice{Value: j, Help: "RUNNING, 2 d"})
		}
	}
	return out
}

// contents reads every file twice, as who makes sure of it does.
func (s *stage) contents(ev bot.Event) bot.Message {
	m := bot.Message{Title: "Files", Tone: bot.Good}
	for _, f := range ev.Files {
		for range 2 {
			r, err := f.Open(context.Background())
			if err != nil {
				s.t.Error(err)
				continue
			}
			got, err := io.ReadAll(r)
			r.Close()
			if err != nil || int64(len(got)) != f.Size {
				s.t.Errorf("%s: %d bytes of %d, %v", f.Name, len(got), f.Size, err)
			}
			m.Blocks = append(m.Blocks, bot.Textf("%s: %s", f.Name, string(got[:min(len(got), 40)])))
		}
	}
	return m
}

// pageOf is a page of a private list.
func pageOf(n int) bot.Message {
	row := bot.Actions{{ID: "b-next", Label: "Next page"}}
	if n > 1 {
		row = bot.Actions{{ID: "b-back", Label: "Previous page"}, {ID: "b-next", Label: "Next page"}}
	}
	return bot.Message{Private: true, Instead: true, Title: fmt.Sprintf("Page %d", n), Blocks: []bot.Block{bot.Textf("rows of page %d", n), row}}
}

func sureForm(danger bool) bot.Message {
	return bot.Message{Form: &bot.Form{
		ID: "form-sure", Title: "Run this SQL?", Submit: "Run", Danger: danger,
		Intro: bot.Textf("1 statement on **prod**. `INSERT` becomes the job **orders**, which starts without state. The cluster found nothing wrong with it."),
	}}
}

func askingForm() bot.Message {
	return bot.Message{Form: &bot.Form{ID: "form-start", Title: "Start a job", Submit: "Start", Fields: []bot.Input{
		{Name: "cluster", Label: "Cluster", Kind: "line", Value: "prod", Choices: []bot.Choice{{Value: "prod"}, {Value: "dev", Help: "for trying"}}},
		{Name: "savepoint", Label: "Start from savepoint", Kind: "line", Asks: "flink run"},
	}}}
}

func specs() []bot.CommandSpec {
	job := bot.ParamSpec{Name: "job", Type: "job", Required: true, Completes: true}
	return []bot.CommandSpec{
		{Path: "flink jobs", Help: "Jobs of every cluster", Examples: []string{"/flink jobs"}, Params: []bot.ParamSpec{{Name: "filter", Type: "string"}}},
		{Path: "flink job", Help: "One job, with everything about it", Examples: []string{"/flink job orders-enrichment"}, Params: []bot.ParamSpec{job}},
		{Path: "flink sql", Help: "Run SQL; without text it opens an editor", Examples: []string{"/flink sql SELECT * FROM orders"}, Params: []bot.ParamSpec{{Name: "text", Type: "text", Rest: true}}, Opens: true, Files: []string{".sql"}},
		{Path: "flink savepoint", Help: "Take a savepoint, with live progress", Examples: []string{"/flink savepoint orders-enrichment"}, Params: []bot.ParamSpec{job}},
		{Path: "flink stop", Help: "Stop with a savepoint", Examples: []string{"/flink stop orders-enrichment"}, Params: []bot.ParamSpec{job}},
		{Path: "flink cancel", Help: "Cancel without a savepoint", Examples: []string{"/flink cancel clicks"}, Params: []bot.ParamSpec{job}},
		{Path: "flink scale", Help: "Change the parallelism", Examples: []string{"/flink scale orders 4"}, Params: []bot.ParamSpec{job, {Name: "parallelism", Type: "int", Required: true}}},
		{Path: "drey help", Help: "What drey can do, and what you may do", Examples: []string{"/drey help"}},
		{Path: "drey whoami", Help: "Who you are and which rule says so", Examples: []string{"/drey whoami"}},
	}
}

func jobsTable(n int) bot.Message {
	states := []string{"RUNNING", "RUNNING", "RESTARTING", "RUNNING", "FAILED"}
	names := []string{"orders-enrichment", "orders-dedup", "clicks-sessions", "payments-fraud", "inventory-snapshot", "user-profile-join"}
	var rows [][]string
	for i := range n {
		rows = append(rows, []string{
			fmt.Sprintf("%s-%02d", names[i%len(names)], i+1), states[i%len(states)], []string{"2 d 4 h", "11 min", "38 s"}[i%3],
			fmt.Sprint(2 + i%7), fmt.Sprint(i * i % 23), fmt.Sprintf("%d s ago", 3+i*7%50), fmt.Sprintf("%d,%03d", 12+i*31%90, i*377%1000), "prod-session",
		})
	}
	return bot.Message{
		Title: fmt.Sprintf("%d jobs on 2 clusters", n),
		Blocks: []bot.Block{
			bot.Table{
				Columns: []string{"Job", "State", "Uptime", "Parallelism", "Restarts", "Checkpoint", "Records/s", "Cluster"},
				Numeric: []bool{false, false, false, true, true, false, true, false}, Rows: rows,
				Foot: fmt.Sprintf("%d of %d jobs", n, n),
			},
			bot.File{Name: "jobs.csv", MIME: "text/csv", Data: []byte("Job,State\norders,RUNNING\n")},
		},
	}
}

func sqlForm() bot.Message {
	return bot.Message{Form: &bot.Form{
		ID: "form-sql", Title: "Run SQL on prod-session", Submit: "Run", Intro: bot.Textf("Several statements run one after another. `Ctrl` `Enter` runs."),
		Fields: []bot.Input{
			{Name: "text", Label: "SQL", Kind: "text", Required: true},
			{Name: "mode", Label: "Mode", Kind: "choice", Value: "streaming", Required: true, Choices: []bot.Choice{{Value: "streaming", Label: "Streaming"}, {Value: "batch", Label: "Batch"}}},
			{Name: "name", Label: "Job name", Kind: "line", Help: "Default: made from the sink's name."},
		},
	}}
}

func cancelForm() bot.Message {
	return bot.Message{Form: &bot.Form{
		ID: "form-cancel", Title: "Cancel clicks-sessions without a savepoint?", Submit: "Cancel the job", Danger: true,
		Intro: bot.Textf("The state since the last checkpoint (**42 s ago**, 1.2 GB) is lost. `/flink stop` keeps it."),
		Fields: []bot.Input{
			{Name: "confirm", Label: "Name of the job", Kind: "line", Match: "clicks-sessions", Required: true},
		},
	}}
}
