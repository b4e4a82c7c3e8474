using ClickHouse.Driver;
using MetricsFunctions.Ingestion.Http;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace MetricsFunctions.Ingestion;

/// <summary>Puts ingestion into a host.</summary>
public static class IngestionServices
{
    /// <summary>Registers everything between a request and ClickHouse; the configuration is checked when the host starts.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddIngestion(this IServiceCollection services)
    {
        ContentEncoding.RefuseCutOffStreams();

        services.AddOptions<IngestionOptions>()
            .BindConfiguration(IngestionOptions.Section, binder => binder.ErrorOnUnknownConfiguration = true)
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<IngestionOptions>, IngestionOptionsValidator>();

        services.AddOptions<ClickHouseOptions>()
            .BindConfiguration(ClickHouseOptions.Name, binder => binder.ErrorOnUnknownConfiguration = true)
            .Configure<IConfiguration>((options, configuration) => options.ConnectionString = configuration.GetConnectionString(ClickHouseOptions.Name))
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<ClickHouseOptions>, ClickHouseOptionsValidator>();

        services.PostConfigure<LoggerFilterOptions>(RequestLines.Drop);
        services.TryAddSingleton(TimeProvider.System);
        services.AddMetrics();
        services.AddSingleton<IngestionTelemetry>();
        services.AddSingleton<IClickHouseClient>(provider =>
            ClickHouseConnection.Open(provider.GetRequiredService<IOptions<ClickHouseOptions>>().Value.ConnectionString!));
        services.AddSingleton<ISampleStore, ClickHouseStore>();
        services.AddSingleton(provider => new MemoryBudget(provider.GetRequiredService<IOptions<IngestionOptions>>().Value.MaxPendingBytes));
        services.AddSingleton<SampleWriter>();
        services.AddHostedService(provider => provider.GetRequiredService<SampleWriter>());
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<RefusalLog>();
        services.AddCors();
        services.AddSingleton<Cors>();
        services.AddSingleton<ForeignPages>();
        services.AddSingleton<BodyDrain>();
        services.AddSingleton<IngestEndpoint>();
        services.AddSingleton<HealthEndpoint>();
        services.AddSingleton<InfluxEndpoint>();
        services.AddSingleton(provider => new Paths(
            provider.GetRequiredService<IngestEndpoint>(),
            provider.GetRequiredService<HealthEndpoint>(),
            provider.GetRequiredService<InfluxEndpoint>(),
            provider.GetRequiredService<Cors>(),
            provider.GetRequiredService<BodyDrain>()));
        return services;
    }

    /// <summary>Maps every path on a host with routing of its own.</summary>
    /// <param name="routes">The host's routes.</param>
    public static void MapIngestion(this IEndpointRouteBuilder routes)
    {
        var paths = routes.ServiceProvider.GetRequiredService<Paths>();
        foreach (var (path, endpoint) in paths.Endpoints)
        {
            routes.Map(path, endpoint);
        }

        routes.Map("{**path}", paths.HandleAsync);
    }
}
