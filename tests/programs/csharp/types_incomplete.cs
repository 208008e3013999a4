// Assembly.GetTypes where base classes and interfaces are missing, and AppDomain.AssemblyLoad.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;

class Program
{
    static string dir;

    static ModuleBuilder Module(string name, out AssemblyBuilder assembly)
    {
        assembly = AppDomain.CurrentDomain.DefineDynamicAssembly(new AssemblyName(name), AssemblyBuilderAccess.Save, dir);
        return assembly.DefineDynamicModule(name, name + ".dll");
    }

    static void Make()
    {
        AssemblyBuilder lost, plug;
        ModuleBuilder module = Module("Lost", out lost);
        TypeBuilder root = module.DefineType("Lost.Root", TypeAttributes.Public);
        root.DefineDefaultConstructor(MethodAttributes.Public);
        root.CreateType();
        TypeBuilder thing = module.DefineType("Lost.IThing", TypeAttributes.Public | TypeAttributes.Interface | TypeAttributes.Abstract);
        thing.CreateType();
        lost.Save("Lost.dll");

        module = Module("PartOfIt", out plug);
        module.DefineType("First", TypeAttributes.Public).CreateType();
        module.DefineType("Extends", TypeAttributes.Public, root).CreateType();
        TypeBuilder implements = module.DefineType("Implements", TypeAttributes.Public);
        implements.AddInterfaceImplementation(thing);
        implements.CreateType();
        module.DefineType("Hidden", TypeAttributes.NotPublic, typeof(List<int>)).CreateType();
        module.DefineType("Last", TypeAttributes.Public).CreateType();
        plug.Save("PartOfIt.dll");
        File.Move(Path.Combine(dir, "Lost.dll"), Path.Combine(dir, "Lost.gone"));
    }

    static void Types(string what, Func<IEnumerable<Type>> types)
    {
        try { Console.WriteLine(what + ": " + string.Join(" ", types().Select(t => t.Name))); }
        catch (ReflectionTypeLoadException e)
        {
            Console.WriteLine(what + " that are there: " + string.Join(" ", e.Types.Select(t => t == null ? "null" : t.Name)));
            foreach (Exception why in e.LoaderExceptions) Console.WriteLine("  {0}: {1}", why.GetType(), why.Message);
        }
    }

    static void Main()
    {
        dir = Path.Combine(Path.GetTempPath(), "types-" + Guid.NewGuid());
        Directory.CreateDirectory(dir);
        try
        {
            Make();
            AppDomain.CurrentDomain.AssemblyLoad += (sender, args) =>
            {
                string name = args.LoadedAssembly.GetName().Name;
                // When libraries are loaded is the machine's business.
                if (!name.StartsWith("System") && !name.StartsWith("Mono")) Console.WriteLine("loaded " + name);
            };
            AppDomain.CurrentDomain.AssemblyLoad += (sender, args) => { throw new Exception("which nobody sees"); };
            Assembly plug = Assembly.LoadFrom(Path.Combine(dir, "PartOfIt.dll"));
            Types("types", () => plug.GetTypes());
            Types("types of the lost", () => Assembly.Load(File.ReadAllBytes(Path.Combine(dir, "Lost.gone"))).GetTypes());
        }
        finally { Directory.Delete(dir, true); }
    }
}
