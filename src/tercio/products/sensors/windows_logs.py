"""Which Windows records Sigma's categories and services mean: channels and event ids, as Microsoft names them."""

_SYSMON = "Microsoft-Windows-Sysmon/Operational"
_POWERSHELL = ("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational")
_CLASSIC = ("Windows PowerShell",)

Where = dict[str, tuple[str, ...]]

CHANNELS: dict[str, tuple[str, ...]] = {
    "application": ("Application",),
    "applocker": (
        "Microsoft-Windows-AppLocker/EXE and DLL",
        "Microsoft-Windows-AppLocker/MSI and Script",
        "Microsoft-Windows-AppLocker/Packaged app-Deployment",
        "Microsoft-Windows-AppLocker/Packaged app-Execution",
    ),
    "appmodel-runtime": ("Microsoft-Windows-AppModel-Runtime/Admin",),
    "appxdeployment-server": ("Microsoft-Windows-AppXDeploymentServer/Operational",),
    "appxpackaging-om": ("Microsoft-Windows-AppxPackaging/Operational",),
    "bits-client": ("Microsoft-Windows-Bits-Client/Operational",),
    "capi2": ("Microsoft-Windows-CAPI2/Operational",),
    "certificateservicesclient-lifecycle-system": (
        "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",
    ),
    "codeintegrity-operational": ("Microsoft-Windows-CodeIntegrity/Operational",),
    "diagnosis-scripted": ("Microsoft-Windows-Diagnosis-Scripted/Operational",),
    "dns-client": ("Microsoft-Windows-DNS Client Events/Operational", "Microsoft-Windows-DNS-Client/Operational"),
    "dns-server": ("DNS Server",),
    "dns-server-analytic": ("Microsoft-Windows-DNS-Server/Analytical",),
    "driver-framework": ("Microsoft-Windows-DriverFrameworks-UserMode/Operational",),
    "firewall-as": ("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",),
    "hyper-v-worker": ("Microsoft-Windows-Hyper-V-Worker", "Microsoft-Windows-Hyper-V-Worker-Admin"),
    "iis-configuration": ("Microsoft-IIS-Configuration/Operational",),
    "kernel-event-tracing": ("Microsoft-Windows-Kernel-EventTracing", "Microsoft-Windows-Kernel-EventTracing/Admin"),
    "kernel-shimengine": (
        "Microsoft-Windows-Kernel-ShimEngine/Operational",
        "Microsoft-Windows-Kernel-ShimEngine/Diagnostic",
    ),
    "ldap": ("Microsoft-Windows-LDAP-Client/Debug",),
    "lsa-server": ("Microsoft-Windows-LSA/Operational",),
    "microsoft-servicebus-client": ("Microsoft-ServiceBus-Client", "Microsoft-ServiceBus-Client/Operational"),
    "msexchange-management": ("MSExchange Management",),
    "ntfs": ("Microsoft-Windows-Ntfs/Operational",),
    "ntlm": ("Microsoft-Windows-NTLM/Operational",),
    "openssh": ("OpenSSH/Operational",),
    "powershell": _POWERSHELL,
    "powershell-classic": _CLASSIC,
    "printservice-admin": ("Microsoft-Windows-PrintService/Admin",),
    "printservice-operational": ("Microsoft-Windows-PrintService/Operational",),
    "security": ("Security",),
    "security-mitigations": (
        "Microsoft-Windows-Security-Mitigations/KernelMode",
        "Microsoft-Windows-Security-Mitigations/Kernel Mode",
        "Microsoft-Windows-Security-Mitigations/UserMode",
        "Microsoft-Windows-Security-Mitigations/User Mode",
    ),
    "sense": ("Microsoft-Windows-SENSE/Operational",),
    "shell-core": ("Microsoft-Windows-Shell-Core/Operational",),
    "smbclient-connectivity": ("Microsoft-Windows-SmbClient/Connectivity",),
    "smbclient-security": ("Microsoft-Windows-SmbClient/Security",),
    "smbserver-connectivity": ("Microsoft-Windows-SMBServer/Connectivity",),
    "sysmon": (_SYSMON,),
    "system": ("System",),
    "taskscheduler": ("Microsoft-Windows-TaskScheduler/Operational",),
    "terminalservices-localsessionmanager": ("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",),
    "vhdmp": ("Microsoft-Windows-VHDMP/Operational",),
    "windefend": ("Microsoft-Windows-Windows Defender/Operational",),
    "wmi": ("Microsoft-Windows-WMI-Activity/Operational",),
}
"""Sigma's ``service`` to event channels."""

SYSMON: dict[str, tuple[int, ...]] = {
    "clipboard_change": (24,),
    "create_remote_thread": (8,),
    "create_stream_hash": (15,),
    "dns_query": (22,),
    "driver_load": (6,),
    "file_block_executable": (27,),
    "file_block_shredding": (28,),
    "file_change": (2,),
    "file_delete": (23, 26),
    "file_event": (11,),
    "file_executable_detected": (29,),
    "image_load": (7,),
    "network_connection": (3,),
    "pipe_created": (17, 18),
    "process_access": (10,),
    "process_creation": (1,),
    "process_tampering": (25,),
    "process_termination": (5,),
    "raw_access_thread": (9,),
    "registry_add": (12,),
    "registry_delete": (12,),
    "registry_event": (12, 13, 14),
    "registry_rename": (14,),
    "registry_set": (13,),
    "sysmon_error": (255,),
    "sysmon_status": (4, 16),
    "wmi_event": (19, 20, 21),
}
"""Sigma's ``category`` to Sysmon's event ids."""

OTHERS: dict[str, tuple[Where, ...]] = {
    "process_creation": ({"Channel": ("Security",), "EventID": ("4688",)},),
    "ps_classic_provider_start": ({"Channel": _CLASSIC, "EventID": ("600",)},),
    "ps_classic_script": ({"Channel": _CLASSIC, "EventID": ("800",)},),
    "ps_classic_start": ({"Channel": _CLASSIC, "EventID": ("400",)},),
    "ps_module": ({"Channel": _POWERSHELL, "EventID": ("4103",)},),
    "ps_script": ({"Channel": _POWERSHELL, "EventID": ("4104",)},),
}
"""Categories that other channels carry, alone or beside Sysmon."""


OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "Image": ("NewProcessName",),
    "ParentImage": ("ParentProcessName",),
    "ActionName": ("Action Name",),
    "CategoryName": ("Category Name",),
    "DetectionUser": ("Detection User",),
    "NewValue": ("New Value",),
    "OldValue": ("Old Value",),
    "ProcessName": ("Process Name",),
    "SeverityName": ("Severity Name",),
    "SourceName": ("Source Name",),
    "ThreatName": ("Threat Name",),
}
"""What fields of Sigma's are called in some logs: a process in the Security log, and whatever Defender writes."""

USER_DATA: dict[str, tuple[str, ...]] = {
    "Address": ("EventXML",),
    "FilePath": ("RuleAndFileData",),
    "Operation": ("Operation_ClientFailure", "Operation_TemporaryEssStarted", "Operation_ESStoConsumerBinding"),
    "User": ("EventXML", "Operation_ClientFailure"),
}
"""Fields that some providers (WMI, AppLocker, Terminal Services) write outside EventData, and the elements around
them."""


def services() -> dict[str, tuple[Where, ...]]:
    """Every category and service, with the records that it means."""
    found: dict[str, tuple[Where, ...]] = {name: ({"Channel": names},) for name, names in CHANNELS.items()}
    for name, ids in SYSMON.items():
        found[name] = ({"Channel": (_SYSMON,), "EventID": tuple(map(str, ids))},)
    for name, means in OTHERS.items():
        found[name] = (*found.get(name, ()), *means)
    return found
