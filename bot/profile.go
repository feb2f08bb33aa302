package bot

import "context"

// Profile is what a network knows of one of its people.
type Profile struct {
	Actor Actor // as in a gesture of theirs, where the network tells as much
	// Unfit says why there is nobody behind the id who could do anything: "is an app". Empty: there is.
	Unfit string
}

// Directory is a Network that can say who it is whom somebody else names.
type Directory interface {
	// Profile looks somebody up by their id, for as long as ctx lives. That there is nobody is said in the Profile; an error
	// means that it could not be found out.
	Profile(ctx context.Context, id string) (Profile, error)
}
