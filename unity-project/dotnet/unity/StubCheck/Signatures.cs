using System.Reflection;

namespace Rls3.Gym.StubCheck;

/// <summary>The public types and members of assemblies, one line each, read without running them.</summary>
public static class Signatures
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
    private const BindingFlags Inherited = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;

    /// <param name="files">Assemblies to describe.</param>
    /// <param name="inherited">Each type's inherited members and base types too: what a caller may use of it.</param>
    public static SortedSet<string> Of(IReadOnlyList<string> files, bool inherited)
    {
        var runtime = Directory.GetFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "*.dll");
        using var context = new MetadataLoadContext(new PathAssemblyResolver(files.Concat(runtime)));
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            foreach (var type in TypesOf(context.LoadFromAssemblyPath(file)).Where(type => type.IsVisible))
            {
                Describe(type, inherited, found);
            }
        }
        return found;
    }

    private static IEnumerable<Type> TypesOf(Assembly assembly)
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException error)
        {
            // A type whose base is in a missing assembly has no stub.
            return error.Types.OfType<Type>();
        }
    }

    private static void Describe(Type type, bool inherited, SortedSet<string> found)
    {
        var name = NameOf(type);
        var kind = type.IsEnum ? "enum" : type.IsValueType ? "struct" : type.IsInterface ? "interface" : typeof(Delegate).FullName == type.BaseType?.BaseType?.FullName ? "delegate" : "class";
        for (var ancestor = type.BaseType; ancestor != null; ancestor = inherited ? ancestor.BaseType : null)
        {
            found.Add($"{kind} {name} : {NameOf(ancestor)}");
        }
        foreach (var member in type.GetMembers(inherited ? Inherited : Declared))
        {
            var line = Describe(member);
            if (line != null)
            {
                found.Add($"{name} :: {line}");
            }
        }
    }

    private static string? Describe(MemberInfo member)
    {
        try
        {
            return member switch
            {
                FieldInfo { IsLiteral: true } field => $"const {NameOf(field.FieldType)} {field.Name} = {field.GetRawConstantValue()}",
                FieldInfo { IsSpecialName: false } field => $"field {NameOf(field.FieldType)} {field.Name}{(field.IsStatic ? " static" : "")}",
                MethodInfo method => $"{NameOf(method.ReturnType)} {method.Name}{Generic(method)}({Parameters(method)}){(method.IsStatic ? " static" : "")}",
                ConstructorInfo { IsStatic: false } constructor => $"new({Parameters(constructor)})",
                _ => null,
            };
        }
        catch (Exception error) when (error is FileNotFoundException or TypeLoadException)
        {
            // Its signature names a type of a missing assembly, so it has no stub.
            return null;
        }
    }

    private static string Generic(MethodInfo method) => method.IsGenericMethod ? "`" + method.GetGenericArguments().Length : "";

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        (parameter.CustomAttributes.Any(attribute => attribute.AttributeType.Name == nameof(ParamArrayAttribute)) ? "params " : "")
        + NameOf(parameter.ParameterType) + (parameter.IsOptional ? " optional" : "")));

    private static string NameOf(Type type)
    {
        if (type.IsGenericParameter)
        {
            return (type.DeclaringMethod == null ? "!" : "!!") + type.GenericParameterPosition;
        }
        if (type.HasElementType)
        {
            return NameOf(type.GetElementType()!) + (type.IsArray ? "[]" : type.IsByRef ? "&" : "*");
        }
        var name = (type.DeclaringType == null ? type.Namespace + "." : NameOf(type.DeclaringType) + "+") + type.Name;
        return type.IsGenericType && !type.IsGenericTypeDefinition ? $"{name}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>" : name;
    }
}
