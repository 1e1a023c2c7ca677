/* lines.h: prediction-log lines for tests, as the gateway writes them. */
#ifndef PITHEAD_TESTS_INGEST_LINES_H
#define PITHEAD_TESTS_INGEST_LINES_H

#include <stdio.h>
#include <string.h>

/* A whole line of about 600 bytes plus `pad` bytes of request body. Returns its length. */
static inline size_t line_write(char *out, size_t size, long pid, long lc, size_t pad)
{
	int n = snprintf(out, size,
		"{\"v\":1,\"lc\":%ld,\"pid\":%ld,\"ts\":\"1795474000123456\","
		"\"id\":\"6f1c1d7e-0c3b-4d2e-9f10-0123456789ab\",\"ep\":\"flights/delay\","
		"\"env\":\"production\",\"ver\":\"v2\",\"ro\":\"41\",\"arm\":\"1\",\"bkt\":\"137\","
		"\"share\":\"500\",\"keyed\":\"1\",\"key\":\"9f86d081884c7d65\",\"seg\":\"T1JE\","
		"\"su\":\"0\",\"st\":\"200\",\"us\":\"1834\",\"tr\":\"1\",\"ta\":\"+2\",\"tsx\":\"-"
		"---\","
		"\"be\":\"flights:delay:1\",\"srv\":\"r1\",\"score\":\"MC40Mg==\",\"mt\":\"POST\","
		"\"path\":\"L3ByZWRpY3Q/eD0x\",\"ct\":\"YXBwbGljYXRpb24vanNvbg==\",\"req\":\"",
		lc, pid);
	size_t len = (size_t)n;

	memset(out + len, 'A', pad);
	len += pad;
	/* {"probability": 0.25, "x": {"y": [1, -2.5e1]}} */
	len += (size_t)snprintf(out + len, size - len,
		"\",\"res\":\"eyJwcm9iYWJpbGl0eSI6IDAuMjUsICJ4IjogeyJ5IjogWzEsIC0yLjVlMV19fQ==\"}");
	return len;
}

#endif
