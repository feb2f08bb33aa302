package discordtest

import "net/http"

type gateway struct{}

func (d *Discord) closeSockets() {}

func (d *Discord) serveGateway(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusNotImplemented)
}

func (d *Discord) dispatch(string, []byte) bool { return false }
