/**
 * To be imported before anything else by every entry that is a process of its own: gives Node's thread pool 16 threads instead of 4. A thread that
 * flushes waits for a disk, and flushes that wait together share one commit of the file system's journal: with 16 threads 2.5 times as many small files
 * became durable in a second as with 4. The pool reads the variable when it is first used; whoever set it has the last word.
 */
process.env.UV_THREADPOOL_SIZE ??= "16"

export {}
