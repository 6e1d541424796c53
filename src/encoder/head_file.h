/* head_file: the JSON form of a head. */
#ifndef ENCODER_HEAD_FILE_H
#define ENCODER_HEAD_FILE_H

#include "encoder/head.h"

#define HEAD_FILE_FORMAT "logclass-head"

extern const char *const head_file_activation[HEAD_ACTIVATIONS]; /* names in the file */

/* Reads and checks path into c, whose layers get memory of their own (also when false is returned: c->layers of them).
 * hash: of the file's bytes. Nothing in the file is trusted. */
bool head_file_read(const char *path, struct head_content *c, uint64_t *hash, struct err *e);

#endif
