// The Function app as a container on Azure Container Apps, writing to a ClickHouse somewhere else. docs/deploy.md has the commands.
targetScope = 'resourceGroup'

@description('Where everything is created.')
param location string = resourceGroup().location

@description('Name of the app, and the beginning of the other names.')
@minLength(2)
@maxLength(24)
param name string = 'metrics'

@description('Name of the container registry, in this resource group, that has the image.')
@minLength(5)
@maxLength(50)
param registryName string

@description('Repository and tag of the image in that registry.')
@minLength(1)
param image string = 'metrics-functions:0.1.0'

@description('Connection string of ClickHouse, as ConnectionStrings:ClickHouse is: Host=…;Port=8443;Protocol=https;Username=ingest;Password=…')
@minLength(1)
@secure()
param clickHouse string

@description('SHA-256, in hexadecimal digits, of the key that senders carry: printf %s "$key" | sha256sum')
@minLength(64)
@maxLength(64)
@secure()
param apiKeySha256 string

@description('The same of a further key, while senders change from one to the other; empty for none.')
@secure()
param nextApiKeySha256 string = ''

@description('Cores of a replica; it gets twice as many GiB of memory.')
@allowed(['0.5', '1', '2', '4'])
param cores string = '1'

@description('Replicas that are always there. With 0, the first request after a pause waits for a start.')
@minValue(0)
@maxValue(100)
param minReplicas int = 1

@description('Replicas at most.')
@minValue(1)
@maxValue(100)
param maxReplicas int = 10

@description('Requests under way in a replica at which another one is added.')
@minValue(1)
@maxValue(2000)
param concurrentRequests int = 200

@description('Days that logs and telemetry are kept.')
@allowed([30, 60, 90, 180, 365])
param retentionInDays int = 30

@description('Subnet for the environment, delegated to Microsoft.App/environments, for a ClickHouse in a virtual network; empty for none.')
param subnetId string = ''

@description('Whether the app can be reached from outside that virtual network.')
param external bool = true

var memory = {
  '0.5': '1Gi'
  '1': '2Gi'
  '2': '4Gi'
  '4': '8Gi'
}

var port = 80

// The drain of 10 seconds, the worker's own 5, and time for the ingress to hear of it.
var terminationGracePeriodSeconds = 60

var acrPull = subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')

var apiKeys = empty(nextApiKeySha256) ? [apiKeySha256] : [apiKeySha256, nextApiKeySha256]

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: registryName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-identity'
  location: location
}

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, identity.id, acrPull)
  scope: registry
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: acrPull
  }
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    retentionInDays: retentionInDays
    sku: {
      name: 'PerGB2018'
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
  }
}

resource environment 'Microsoft.App/managedEnvironments@2026-07-01' = {
  name: '${name}-environment'
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: workspace.properties.customerId
        sharedKey: workspace.listKeys().primarySharedKey
      }
    }
    vnetConfiguration: empty(subnetId)
      ? null
      : {
          infrastructureSubnetId: subnetId
        }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
  }
}

resource app 'Microsoft.App/containerApps@2026-07-01' = {
  name: name
  location: location
  kind: 'functionapp'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: external
        targetPort: port
        transport: 'auto'
        allowInsecure: false
      }
      registries: [
        {
          server: registry.properties.loginServer
          identity: identity.id
        }
      ]
      secrets: concat(
        [
          {
            name: 'clickhouse'
            value: clickHouse
          }
          {
            name: 'insights'
            value: insights.properties.ConnectionString
          }
        ],
        map(apiKeys, (key, i) => {
          name: 'api-key-${i}'
          value: key
        })
      )
    }
    template: {
      terminationGracePeriodSeconds: terminationGracePeriodSeconds
      containers: [
        {
          name: 'metrics'
          image: '${registry.properties.loginServer}/${image}'
          resources: {
            cpu: json(cores)
            memory: memory[cores]
          }
          env: concat(
            [
              {
                name: 'ConnectionStrings__ClickHouse'
                secretRef: 'clickhouse'
              }
              {
                name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
                secretRef: 'insights'
              }
              {
                // Twice this is less than the 10 seconds that a stopping Functions host gives the requests under way.
                name: 'Ingestion__WriteTimeout'
                value: '00:00:04'
              }
            ],
            map(range(0, length(apiKeys)), i => {
              name: 'Ingestion__ApiKeys__${i}__Sha256'
              secretRef: 'api-key-${i}'
            })
          )
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/api/health/live'
                port: port
              }
              periodSeconds: 3
              timeoutSeconds: 2
              failureThreshold: 10
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/api/health/live'
                port: port
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 3
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/api/health/ready'
                port: port
              }
              periodSeconds: 5
              timeoutSeconds: 3
              failureThreshold: 3
            }
          ]
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        // Container Apps' own rule for HTTP adds a replica every 10 requests.
        allowScalingRuleOverride: true
        rules: [
          {
            name: 'requests-under-way'
            http: {
              metadata: {
                concurrentRequests: string(concurrentRequests)
              }
            }
          }
        ]
      }
    }
  }
  dependsOn: [
    pull
  ]
}

@description('Where senders POST.')
output url string = 'https://${app.properties.configuration.ingress.fqdn}/api/metrics'
