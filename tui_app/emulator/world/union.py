"""Owns the two union schemas of the emulated organization: which fields a profile and an experience event have.

The names of the shared fields are XDM's own, the descriptive texts are ours; what is below `_emulated` is invented.
`PROFILE` holds `_id` and `_repo` too, but not `timeSeriesEvents`: that column is a list of `EVENT` and only there when
an export asks for events (API reference 4.5).
"""

from __future__ import annotations

from tui_app.emulator.world.fields import Field, Groups, outline

TENANT = "emulated"

_GROUPS: Groups = {}


def _group(name: str, text: str) -> None:
    _GROUPS[name] = outline(text, _GROUPS)


_group(
    "identity",
    """
    id
    authenticatedState ambiguous|authenticated|loggedOut
    primary boolean
""",
)
_group(
    "membership",
    """
    lastQualificationTime date-time
    status realized|existing|exited
    validUntil date-time
    mapToSegment{}
""",
)
_group(
    "repo",
    """
    createDate date-time
    modifyDate date-time
    createdBy
    modifiedBy
""",
)
_group(
    "email",
    """
    address @email = Address
    label
    primary boolean
    status active|incomplete|blocklisted|pending_verification|blocked
    statusReason
    lastVerifiedDate date
""",
)
_group(
    "phone",
    """
    number
    countryCode
    areaCode
    extension
    label
    primary boolean
    status active|incomplete|blocklisted|pending_verification
    statusReason
    lastVerifiedDate date
    validity consistent|inconsistent|unknown
""",
)
_group(
    "place",
    """
    latitude number
    longitude number
    elevation number
""",
)
_group(
    "address",
    """
    street1
    street2
    street3
    city
    postalCode
    postOfficeBox
    region
    stateProvince
    state
    country
    countryCode
    label
    primary boolean
    status active|incomplete|blocklisted|pending_verification
    lastVerifiedDate date
    geo &place = Coordinates
""",
)
_group(
    "name",
    """
    firstName
    middleName
    lastName
    fullName
    courtesyTitle
    suffix
""",
)
_group(
    "choice",
    """
    val y|n|p|u|dy|dn|LI|CT|CP|VI|PI = Choice value
    time date-time = Choice time
    reason = Choice reason
""",
)
_group(
    "money",
    """
    amount number
    currencyCode
    conversionDate date-time
""",
)
_group(
    "measure",
    """
    id = Counter ID
    value number
""",
)

PROFILE: tuple[Field, ...] = outline(
    """
_id = Identifier
_repo &repo = Repository
createdByBatchID @uri
modifiedByBatchID @uri
repositoryCreatedBy
repositoryLastModifiedBy
identityMap{}[] &identity = Identity map
segmentMembership{}{} &membership = Audience membership
isDeleted boolean
status
    profileStatus active|dormant|closed
    since date-time
personID
person = Person
    name &name = Full name
    birthDate date
    birthDay integer
    birthMonth integer
    birthYear integer
    birthDayAndMonth
    gender male|female|not_specified|non_specific
    maritalStatus married|single|divorced|widowed|not_specified
    nationality
    taxId = Tax ID
    preferredLanguage
personalEmail &email
workEmail &email
mobilePhone &phone
homePhone &phone
workPhone &phone
faxPhone &phone
homeAddress &address
workAddress &address
billingAddress &address
mailingAddress &address
shippingAddress &address
extSourceSystemAudit = External source audit
    createdDate date-time
    lastUpdatedDate date-time
    lastActivityDate date-time
    lastReferencedDate date-time
    lastViewedDate date-time
    createdBy
    lastUpdatedBy
    externalKey
        sourceID
        sourceInstanceID
        sourceKey
        sourceType
consents
    collect &choice
    share &choice
    adID
        idType IDFA|GAID
        val y|n|p|u
        time date-time
    personalize
        content &choice
    marketing
        preferred email|push|inApp|sms|phone|phyMail|inVehicle|inHome|iot|social|other|none|unknown
        any &choice
        call &choice
        commercialEmail &choice
        email &choice
            subscriptions{}
                val y|n|p|u
                time date-time
                type
                topics[]
        fax &choice
        postalMail &choice
        push &choice
        sms &choice
        whatsApp &choice
    metadata
        time date-time
    idSpecific{}
        collect &choice
preferredLanguage
timeZone
photos[]
    label
    url @uri
    primary boolean
pushNotificationDetails[]
    appID
    token
    platform apns|apnsSandbox|fcm
    denylisted boolean
    identity &identity
loyalty
    loyaltyID[] = Programme IDs
    program
    tier bronze|silver|gold|platinum
    status active|suspended|closed
    points number
    pointsRedeemed number
    pointsExpired number
    pointsExpiration[]
        pointsExpiring number
        pointsExpirationDate date-time
    lifetimePoints number
    lifetimePurchases number
    joinDate date-time
    upgradeDate date-time
    returnsDate date-time
    statusPoints number
userAccount
    userID
    startDate date-time
    endDate date-time
    frequency daily|weekly|monthly|yearly
    term integer
    contactPreference email|phone|post|none
    planName
    renewsAutomatically boolean
    monthlyFee &money
telecomSubscription
    primarySubscriber boolean
    bundleName
    internetSubscription[]
        connectionType dsl|cable|fiber|satellite|mobile
        downloadSpeed integer
        uploadSpeed integer
        startDate date
    mobileSubscription[]
        phoneNumber
        dataCap number
        startDate date
        endDate date
personRelationships[]
    relationship spouse|child|parent|sibling|colleague
    since date
    identity &identity
workDetails
    organizations[]
    jobTitle
    jobFunction
    department
    seniority junior|mid|senior|executive
    startDate date
    company
        name
        industry
        numberOfEmployees integer
        annualRevenue &money
socialMediaLinks{} @uri
profilePictureLink @uri
testProfile boolean
metrics
    revenue &money
    lifetimeValue &money
    averageOrder &money
    ordersCount integer
    visitsCount integer
    lastOrderDate date-time
    lastVisitDate date-time
    firstSeenDate date-time
favourites
    storeID
    categories[]
    brands[]
    colours[]
_emulated = Emulated Industries
    customerKey
    crmID = Customer record ID
    segmentCode integer
    isEmployee boolean
    signUpChannel web|app|store|partner|callCentre
    signUpDate date
    riskClass low|medium|high
    propensity
        churn number
        purchase number
        upgrade number
        scoredAt date-time
        modelVersion
    household
        householdKey
        size integer
        income under20k|20kTo50k|50kTo100k|over100k
        members[]
            nickname
            birthYear integer
            devices[]
                model
                tariff
                    code
                    surcharge number
    vehicles[]
        make
        model
        modelYear integer
        fuel petrol|diesel|electric|hybrid
        registeredOn date
    devices[]
        deviceKey
        operatingSystem
        lastUsed date-time
        isPushEnabled boolean
    loyaltyPartner
        memberNumber
        linkedOn date
        status linked|pending|unlinked
    storeVisits
        lastVisit date-time
        count30Days integer
        count365Days integer
        favouriteStore
    contactPolicy
        monthlyCap integer
        quietHoursStart
        quietHoursEnd
        numberOfPromotionalMessagesReceivedInTheLastThirtyDaysAcrossAllChannels integer
        dateOfTheMostRecentlyAnsweredCustomerSatisfactionSurveyInvitation date
    attributes{}
    counters{} number
    migration
        sourceSystem
        importedAt date-time
        recordVersion integer
        isVerified boolean
""",
    _GROUPS,
)

EVENT: tuple[Field, ...] = outline(
    """
_id = Identifier
timestamp date-time
eventType
eventMergeId = Merge ID
producedBy self|system|salesRef|customerRep
receivedTimestamp date-time
identityMap{}[] &identity = Identity map
endUserIDs
    _experience
        aaid &identity = Analytics ID
        acid &identity = Authenticated ID
        emailid &identity = Email ID
        mcid &identity = Device graph ID
environment
    type application|browser|iot|external|widget
    domain
    ipV4 @ipv4 = IPv4
    ipV6 @ipv6 = IPv6
    ISP = Internet provider
    carrier
    connectionType dialup|isdn|bisdn|dsl|cable|wireless_wifi|mobile|mobile_2g|mobile_3g|mobile_lte|satellite
    viewportHeight integer
    viewportWidth integer
    colorDepth integer
    language
    operatingSystem
    operatingSystemVersion
    operatingSystemVendor
    browserDetails
        name
        vendor
        version
        acceptLanguage
        userAgent
        cookiesEnabled boolean
        javaEnabled boolean
        javaScriptEnabled boolean
        javaScriptVersion
        javaVersion
        quicktimeVersion
        thirdPartyCookiesEnabled boolean
        viewportHeight integer
        viewportWidth integer
        userAgentClientHints
            architecture
            bitness
            model
            mobile boolean
            platform
            platformVersion
            brands[]
                brand
                version
device
    type mobile|tablet|desktop|ereader|gaming|television|settop|mediaplayer|computers|tv_screens
    typeID
    typeIDService
    manufacturer
    model
    modelNumber
    colorDepth integer
    screenHeight integer
    screenWidth integer
    screenOrientation portrait|landscape
    isBackgroundPushEnabled boolean
placeContext
    localTime date-time
    localTimezoneOffset integer
    ianaTimezone
    geo
        city
        countryCode
        dmaID integer = Market area ID
        msaID integer = Metropolitan area ID
        postalCode
        stateProvince
        location &place
    POIinteraction = Interaction at a place
        poiEntries &measure
        poiExits &measure
        poiDetail
            poiID
            name
            category
            locatingType
web
    webPageDetails
        name
        URL @uri
        server
        siteSection
        isErrorPage boolean
        isHomePage boolean
        viewName
        pageViews &measure
    webReferrer
        URL @uri
        type internal|external|search_engine|social|email|typed_bookmarked
        domain
        keywords
    webInteraction
        name
        URL @uri
        region
        type other|download|exit
        linkClicks &measure
application
    id
    name
    version
    userPerspective foreground|background|detached
    isUpgrade boolean
    launches &measure
    installs &measure
    upgrades &measure
    crashes &measure
    closes &measure
    firstLaunches &measure
    featureUsages &measure
    sessionLength integer
search
    keywords
    searchEngine
    query
    resultsCount integer
    pageDepth integer
    isPaid boolean
siteSearch
    phrase
    numberOfResults integer
    sort[]
    filter[]
        attribute
        value
        isSticky boolean
commerce
    checkouts &measure
    productListAdds &measure
    productListOpens &measure
    productListRemovals &measure
    productListReopens &measure
    productListViews &measure
    productViews &measure
    purchases &measure
    saveForLaters &measure
    inStorePurchase &measure
    promotionID
    cart
        cartID
        cartSource web|app|store
    order
        purchaseID
        purchaseOrderNumber
        priceTotal number
        currencyCode
        createdDate date-time
        lastUpdatedDate date-time
        orderType checkout|instant|subscription
        taxAmount number
        discountAmount number
        payments[]
            transactionID
            paymentType cash|credit_card|gift_card|loyalty_points|other
            paymentAmount number
            currencyCode
        refunds[]
            transactionID
            refundAmount number
            refundReason
    shipping
        shippingMethod
        shippingAmount number
        trackingNumber
        shipDate date-time
        address &address
    billing
        address &address
productListItems[]
    _id = Line item ID
    SKU
    name
    product @uri
    productAddMethod
    productImageUrl @uri
    quantity integer
    priceTotal number
    currencyCode
    discountAmount number
    unitOfMeasureCode
    refundAmount number
    selectedOptions[]
        attribute
        value
    productCategories[]
        categoryID
        categoryName
        categoryPath
channel
    _id = Channel ID
    _type = Channel type
    mediaType earned|owned|paid
    mediaAction impression|click|bounce
    contentTypes[]
    locations[]
    typeAtSource
    mode bidirectional|inbound|outbound
marketing
    campaignGroup
    campaignName
    trackingCode
    sourceMedium
    sourceName
directMarketing
    clicks &measure
    opens &measure
    sends &measure
    offers &measure
    emailBounced
        type hard|soft
        reason
    messageSubject
    sendTime date-time
advertising
    adAssetReference
        _id
        advertiser
        campaign
    adViewability
        viewableImpressions &measure
        unviewableImpressions &measure
        measuredImpressions &measure
        activeView boolean
    clicks &measure
    impressions &measure
    conversions &measure
    completes &measure
    starts &measure
    timePlayed &measure
media
    mediaTimed
        starts &measure
        completes &measure
        timePlayed &measure
        dropBeforeStart &measure
        pauses &measure
        mediaChapter
            index integer
            name
            length integer
    mediaSessionID
    contentName
    playerName
    streamType audio|video
    isLive boolean
userActivityRegion
    dataCenterLocation
    captureTimestamp date-time
proposition
    propositionID
    scope
    decision
        decisionID
        activityID
        rank integer
    interaction display|click|dismiss
implementationDetails
    name @uri
    version
    environment browser|app|server|iot
segmentMembership{}{} &membership = Audience membership
storeInteraction
    storeID
    register
    cashier
    visitType purchase|return|collect|browse
    visitedAt date-time
_emulated = Emulated Industries
    sessionKey
    experimentName
    experimentArm control|treatment
    isInternalTraffic boolean
    loadTimeMs integer
    callCentre
        callKey
        reason billing|technical|sales|complaint|other
        waitSeconds integer
        talkSeconds integer
        isResolved boolean
        satisfaction integer
        agent
            agentKey
            team
            languages[]
    form
        formName
        step integer
        isCompleted boolean
        fields[]
            fieldName
            isFilled boolean
            errors[]
                code
                shownAt date-time
                context
                    rule
                    attempt integer
    attributes{}
    numberOfSecondsBetweenTheFirstContentfulPaintAndTheFirstUserInteraction number
""",
    _GROUPS,
)
