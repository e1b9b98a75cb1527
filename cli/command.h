#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/*
 * The verbs of the binary. Each gets its own words (argv[0] is the verb) and returns the exit status of the process: 0, 1 after a failure
 * that it has written to standard error, EX_USAGE (64) when it did not understand its words; `check` has meanings of its own.
 */
int command_sensor(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_events(int argc, char **argv);
int command_check(int argc, char **argv);
int command_status(int argc, char **argv);
int command_containers(int argc, char **argv);
int command_record(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_probes(int argc, char **argv);
int command_trace(int argc, char **argv);

/* Where the sensor listens, and the clients connect to, when nobody says anything else. */
#define DEFAULT_ADDRESS "unix:/run/ringside/ringside.sock"

/* The environment variable that names another sensor to the clients. */
#define ADDRESS_VARIABLE "RINGSIDE_ADDRESS"

#endif
