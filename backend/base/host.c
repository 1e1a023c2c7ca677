/* host.c: see host.h. */
#include "backend/base/host.h"

#include <arpa/inet.h>
#include <string.h>

#define NAME_MOST 127

int host_is_address(const char *text)
{
	struct in_addr v4;

	return text[0] == '[' || inet_pton(AF_INET, text, &v4) == 1;
}

int host_is_valid(const char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.-_";
	size_t n = strlen(text);

	if (text[0] == '[') {
		char inner[64];
		struct in6_addr v6;

		if (n < 4 || n - 2 >= sizeof inner || text[n - 1] != ']')
			return 0;
		memcpy(inner, text + 1, n - 2);
		inner[n - 2] = '\0';
		return inet_pton(AF_INET6, inner, &v6) == 1;
	}
	return n > 0 && n <= NAME_MOST && strspn(text, good) == n && !strchr("-._", text[0]) &&
	       !strstr(text, "..");
}
