/* version.c: see version.h. The only file that knows what the Makefile calls this program, so that
 * a build for tests differs in this object and in the schema. */
#include "backend/base/version.h"

#include <stdio.h>
#include <string.h>

#include "backend/base/digest.h"

#define TEXT_OF(x) #x
#define TEXT(x)	   TEXT_OF(x)

const char *version_program(void)
{
	return PITHEAD_VERSION;
}

const char *version_api(void)
{
	return TEXT(VERSION_API_MAJOR) "." TEXT(PITHEAD_API_MINOR);
}

int version_api_minor(void)
{
	return PITHEAD_API_MINOR;
}

enum version_reach version_reach_of(const char *other, int *newer)
{
	int major, minor, end = 0;

	*newer = 0;
	if (sscanf(other, "%4d.%4d%n", &major, &minor, &end) != 2 || other[end] || minor < 0)
		return VERSION_FAR;
	*newer = major > VERSION_API_MAJOR ||
		 (major == VERSION_API_MAJOR && minor > PITHEAD_API_MINOR);
	if (major != VERSION_API_MAJOR)
		return VERSION_FAR;
	if (minor == PITHEAD_API_MINOR)
		return VERSION_SAME;
	return minor - PITHEAD_API_MINOR == 1 || PITHEAD_API_MINOR - minor == 1 ? VERSION_NEAR
										: VERSION_FAR;
}

void version_build(const char *path, char out[VERSION_BUILD])
{
	char digest[DIGEST_HEX];

	out[0] = '\0';
	if (digest_file(path, digest, NULL) == 0)
		snprintf(out, VERSION_BUILD, "%.16s", digest);
}
