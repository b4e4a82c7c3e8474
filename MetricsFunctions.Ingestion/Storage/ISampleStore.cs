using System.Buffers;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Where samples are kept for good.</summary>
interface ISampleStore
{
    /// <summary>Stores rows; completes when they are committed. The same token again stores nothing and completes just as well.</summary>
    /// <param name="rows">Blocks in ClickHouse's Native format, with the columns of <see cref="NativeBlocks.Columns"/>.</param>
    /// <param name="token">The deduplication token.</param>
    /// <param name="cancellationToken">Gives up waiting; the rows may be stored all the same.</param>
    /// <exception cref="Exception">The rows may or may not be stored; <see cref="StorageFault.Of(Exception)"/> tells what is wrong.</exception>
    Task InsertAsync(ReadOnlySequence<byte> rows, string token, CancellationToken cancellationToken);

    /// <summary>Answers whether rows are in the table, once no INSERT with their token is under way.</summary>
    /// <param name="mark">What the rows are found by.</param>
    /// <param name="token">Their deduplication token.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="Exception">It cannot be seen; <see cref="StorageFault.Of(Exception)"/> tells why.</exception>
    Task<bool> HasAsync(RowMark mark, string token, CancellationToken cancellationToken);

    /// <summary>Completes when rows could be stored now, without storing any.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="Exception">Nothing can be stored; <see cref="StorageFault.Of(Exception)"/> tells why.</exception>
    Task ProbeAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Completes when no INSERT that another process began is under way, nor one that was sent and not begun when this was called: none
    /// has been seen for a second.
    /// </summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="Exception">It cannot be seen; <see cref="StorageFault.Of(Exception)"/> tells why.</exception>
    Task WaitForOthersAsync(CancellationToken cancellationToken);

    /// <summary>Tells the identities of the requests that are stored.</summary>
    /// <param name="since">Those that were received before this need not be told.</param>
    /// <param name="tell">Told of each; of some more than once.</param>
    /// <param name="cancellationToken">Gives up reading.</param>
    /// <exception cref="Exception">They cannot be read to the end; <see cref="StorageFault.Of(Exception)"/> tells why.</exception>
    Task ReadRequestIdsAsync(DateTimeOffset since, Action<UInt128> tell, CancellationToken cancellationToken);
}
