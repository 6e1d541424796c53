/* container: the lines of container runtimes, and what the path of their log says. Pure. */
#ifndef TEXT_CONTAINER_H
#define TEXT_CONTAINER_H

#include "base/span.h"

/* A line of the CRI: "2026-01-31T10:00:00.123456789Z stderr F text". */
struct container_line {
    struct span time, stream, text; /* stream: stdout or stderr */
    bool partial;                   /* P: the text goes on in the stream's next line */
};

/* False: it is no such line. */
bool container_parse_cri(struct span line, struct container_line *out);

/* Is the line one of docker's json-file driver, by its look? Then data of it is JSON: log, stream, time. */
bool container_is_docker(struct span line);

struct container_path {
    struct span namespace, pod, uid, container, id, restarts; /* empty: not told */
};

/* Of /var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log, /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log and
 * /var/lib/docker/containers/ID/ID-json.log. False: the path is none of these; rotated ones are. */
bool container_parse_path(struct span path, struct container_path *out);

#endif
