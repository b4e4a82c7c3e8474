using 'main.bicep'

param registryName = readEnvironmentVariable('REGISTRY')
param clickHouse = readEnvironmentVariable('CLICKHOUSE')
param apiKeySha256 = readEnvironmentVariable('API_KEY_SHA256')
