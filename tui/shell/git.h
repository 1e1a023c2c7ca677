/* git.h: which commit a file belongs to, asked of the git program. */
#ifndef PITHEAD_TUI_SHELL_GIT_H
#define PITHEAD_TUI_SHELL_GIT_H

/* The commit of the work tree that holds the folder, and whether it has uncommitted changes.
 * commit is "" without git, or outside a work tree, or before the first commit. */
struct git_state {
	char commit[65];
	int dirty;
};
void git_look(const char *folder, struct git_state *out);

#endif
