/* local.h: the commands that need no engine: they read and mend the machine, the spec file and the
 * home themselves. argv[0] is the command's name, the rest what a person typed after it; the
 * result is the exit code: 0 done, 1 failed, 2 usage, 4 conflict. Called by tui/main.c. */
#ifndef PITHEAD_BACKEND_LOCAL_LOCAL_H
#define PITHEAD_BACKEND_LOCAL_LOCAL_H

/* What this machine lacks, with the remedy of each. 1 when a line says FAIL. */
int local_doctor(int argc, char **argv);

/* [FILE] (pithead.yaml): every fault as FILE:LINE:COLUMN: sentence. */
int local_spec_check(int argc, char **argv);

/* [--write] [FILE]: the canonical form, to stdout or in the file's place. */
int local_spec_fmt(int argc, char **argv);

/* The JSON Schema of pithead.yaml, for editors. */
int local_spec_schema(int argc, char **argv);

/* Whether the audit log is whole; ends with the codes of backend/audit/verify.h (10 to 14). */
int local_audit_verify(int argc, char **argv);

/* [OPTIONS]: asks servers, or reads their description, and writes a pithead.yaml that begins with
 * them. 0 written, 1 a server or file is not as it must be, 2 usage, 4 there is a file already. */
int local_init(int argc, char **argv);

/* [OPTIONS] TRACE: folds a recorded trace as the engine folds live traffic and prints each change
 * of the verdict. 0 ok, 1 harm, 2 usage or a bad trace, 4 undecided or invalid, 5 no data. */
int local_judge(int argc, char **argv);

/* [--policy=FILE] [--json] FILE: folds what a past rollout was judged by (FILE: JSON lines as
 * tui/shell/replay.c fetches them). 0 identical or another policy, 1 a card came out otherwise. */
int local_replay(int argc, char **argv);

/* [--replace] FILE: unpacks a backup into the home, verifies it, and leaves it in hold. A damaged
 * log ends with the codes of backend/audit/verify.h. */
int local_restore(int argc, char **argv);

#endif
