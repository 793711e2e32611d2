// The broker of franz-go's tests on the port of its first argument, for `cargo xtask bench --peers`.
package main

import (
	"os"
	"os/signal"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	_, err = kfake.NewCluster(kfake.Ports(port), kfake.SeedTopics(4, "bench"), kfake.NumBrokers(1))
	if err != nil {
		panic(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	<-stop
}
