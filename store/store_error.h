/* store_error.h - texts for who opens a store. Private to store/. */
#ifndef STORE_STORE_ERROR_H
#define STORE_STORE_ERROR_H

/* Makes *reterr (NULL where memory is out) and gives `status` back. */
int store_error(char **reterr, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
