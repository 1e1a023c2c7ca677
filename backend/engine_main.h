/* engine_main.h: `pithead engine …`: as keeper, as worker, or in the foreground under systemd. */
#ifndef PITHEAD_BACKEND_ENGINE_MAIN_H
#define PITHEAD_BACKEND_ENGINE_MAIN_H

/* argv[0] is "engine". The exit code of the process. */
int engine_main(int argc, char **argv);

#endif
