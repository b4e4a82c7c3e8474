CREATE FUNCTION file AS (path) -> throwIf(true, 'The embedded ClickHouse reads no files')
