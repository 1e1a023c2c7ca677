/* restored.h: what a restore found and did. Only used inside backend/local/. */
#ifndef PITHEAD_BACKEND_LOCAL_RESTORED_H
#define PITHEAD_BACKEND_LOCAL_RESTORED_H

#include <stdint.h>

struct restored {
	char home[256];
	const char *file;
	char folder[300]; /* where the backup is unpacked: HOME/restore-XXXXXX */
	char suffix[48];  /* ".before-restore-20261124T022915Z" */
	int has_old;	  /* the home held a store or checkpoints */
	int other_key;	  /* what was here was signed by another key */
	int64_t old_seq;  /* last event that the home had */
	int64_t last_seq; /* last event of the backup */
	int64_t seq;	  /* the event of this restore */
	int64_t bytes;
	int bundles;
	char sentence[400]; /* names the lost range */
};

#endif
