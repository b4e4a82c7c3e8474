SYSTEM START LISTEN HTTP;
SYSTEM START LISTEN TCP;

-- Tells the parent process that both are open, and on which ports when it asked for 0.
SELECT 'listening', getServerPort('http_port'), getServerPort('tcp_port') INTO OUTFILE '/dev/stdout' APPEND FORMAT TSV;
