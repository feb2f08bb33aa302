package ops

import "time"

// timing is how long procedures wait for what; tests shorten it.
type timing struct {
	check   time.Duration // preflight, all of it
	points  time.Duration // the look at a job's checkpoints in it
	poll    time.Duration // shortest pause between two looks
	pollMax time.Duration
	follow  time.Duration // a submission on its way to RUNNING
	settle  time.Duration // a job resubmitted by scale on its way to RUNNING
	inPlace time.Duration // a rescale in place
	end     time.Duration // a job whose end was asked for
	retry   time.Duration // times the tries so far: before a savepoint is asked for once more
	downMax time.Duration // longest pause while a cluster does not answer
}

func (t timing) orDefault() timing {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&t.check, 3*time.Second)
	set(&t.points, 1200*time.Millisecond)
	set(&t.poll, 200*time.Millisecond)
	set(&t.pollMax, 3*time.Second)
	set(&t.follow, 10*time.Minute)
	set(&t.settle, 3*time.Minute)
	set(&t.inPlace, 90*time.Second)
	set(&t.end, 2*time.Minute)
	set(&t.retry, 3*time.Second)
	set(&t.downMax, 20*time.Second)
	return t
}
