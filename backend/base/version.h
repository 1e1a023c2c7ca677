/* version.h: what this program is: its version, the version of the API that it speaks, and the
 * build, which is the digest of the program's own file. */
#ifndef PITHEAD_BACKEND_BASE_VERSION_H
#define PITHEAD_BACKEND_BASE_VERSION_H

/* Programs whose minors are one apart work with each other; further apart, or with another major,
 * they only read. A new route, field or command that the other side could miss is a new minor. */
#define VERSION_API_MAJOR 1
#ifndef PITHEAD_API_MINOR
#define PITHEAD_API_MINOR 1
#endif

/* Rows that a build for tests adds to the schema, to be newer than what is shipped. */
#ifndef PITHEAD_MORE_MIGRATIONS
#define PITHEAD_MORE_MIGRATIONS
#endif

/* "0.1.0", and "1.1". */
const char *version_program(void);
const char *version_api(void);
int version_api_minor(void);

/* How another program's API stands to ours. */
enum version_reach { VERSION_SAME, VERSION_NEAR, VERSION_FAR };

/* other: "1.2". *newer tells whether it is newer than ours. What cannot be read is far. */
enum version_reach version_reach_of(const char *other, int *newer);

#define VERSION_BUILD 17 /* 16 hex digits and a NUL */

/* The build of the file at path, such as /proc/self/exe; "" when it cannot be read. */
void version_build(const char *path, char out[VERSION_BUILD]);

#endif
